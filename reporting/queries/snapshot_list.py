"""The list of snapshots: written, in progress, failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import AdAccount
from reporting.models import Snapshot

SNAPSHOTS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Some snapshots, newest first, and whether older ones follow."""

    snapshots: Sequence[Snapshot]
    number: int
    has_next: bool

    @property
    def has_unfinished(self) -> bool:
        return any(one.state in Snapshot.UNFINISHED for one in self.snapshots)


def snapshots(ad_accounts: QuerySet[AdAccount], *, ad_account_id: int | None = None, page: int = 1) -> SnapshotPage:
    """One page of the snapshots of these ad accounts, or of one of them."""
    found = _visible(ad_accounts)
    if ad_account_id is not None:
        found = found.filter(ad_account=ad_account_id)
    start = (page - 1) * SNAPSHOTS_PER_PAGE
    # One more than is shown reveals a next page without counting the table.
    rows = list(found.order_by("-asked_at", "-pk")[start : start + SNAPSHOTS_PER_PAGE + 1])
    return SnapshotPage(rows[:SNAPSHOTS_PER_PAGE], page, len(rows) > SNAPSHOTS_PER_PAGE)


def snapshot(ad_accounts: QuerySet[AdAccount], snapshot_id: int) -> Snapshot | None:
    """One snapshot, if the asker may see its ad account."""
    return _visible(ad_accounts).filter(pk=snapshot_id).first()


def _visible(ad_accounts: QuerySet[AdAccount]) -> QuerySet[Snapshot]:
    of_these = Snapshot.objects.filter(ad_account__in=ad_accounts.order_by().values("pk"))
    return of_these.select_related("ad_account", "asked_by")
