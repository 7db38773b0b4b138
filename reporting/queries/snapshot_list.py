"""The list of snapshots: written, in progress, failed."""

from django.db.models import QuerySet

from accounts.models import AdAccount
from accounts.shell.paging import ListPage, list_page
from reporting.models import Snapshot

SNAPSHOTS_PER_PAGE = 50


def snapshots(
    ad_accounts: QuerySet[AdAccount], *, ad_account_id: int | None = None, page: int = 1
) -> ListPage[Snapshot]:
    """One page of the snapshots of these ad accounts, or of one of them, newest first."""
    found = _visible(ad_accounts)
    if ad_account_id is not None:
        found = found.filter(ad_account=ad_account_id)
    return list_page(found.order_by("-asked_at", "-pk"), number=page, per_page=SNAPSHOTS_PER_PAGE)


def snapshot(ad_accounts: QuerySet[AdAccount], snapshot_id: int) -> Snapshot | None:
    """One snapshot, if the asker may see its ad account."""
    return _visible(ad_accounts).filter(pk=snapshot_id).first()


def _visible(ad_accounts: QuerySet[AdAccount]) -> QuerySet[Snapshot]:
    of_these = Snapshot.objects.filter(ad_account__in=ad_accounts.order_by().values("pk"))
    return of_these.select_related("ad_account", "asked_by")
