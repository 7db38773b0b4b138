"""The list of sync runs: progress, results, rejected records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.db.models import Q, QuerySet

from accounts.models import AdAccount
from accounts.shell.paging import ListPage, list_page
from ingestion.models import RejectedRecord, SyncLog

RUNS_PER_PAGE = 50
REJECTED_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run; `share` is its progress from 0 to 1, `sentences` say what went wrong and what to do.

    `reason` says why it was skipped, `retry_at` when a failed one is tried again.
    """

    id: int
    ad_account_id: int | None
    ad_account: str
    status: str
    trigger: str
    asked_by: str | None
    started_at: datetime
    finished_at: datetime | None
    first_day: date | None
    last_day: date | None
    calls: int
    rows_stored: int
    rows_rejected: int
    step: str
    share: float
    error_kind: str | None
    sentences: Sequence[str]
    notes: Sequence[str]
    reason: str
    retry_at: datetime | None
    is_being_cancelled: bool

    @property
    def is_unfinished(self) -> bool:
        return self.status in SyncLog.UNFINISHED

    @property
    def percent(self) -> int:
        return round(self.share * 100)

    @property
    def took(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One rejected record, as LinkedIn sent it."""

    endpoint: str
    reason: str
    payload: object


def runs(
    ad_accounts: QuerySet[AdAccount],
    *,
    with_discoveries: bool,
    names_people: bool,
    status: str = "",
    ad_account_id: int | None = None,
    page: int = 1,
) -> ListPage[RunLine]:
    """One page of the runs of these ad accounts, newest first; discoveries belong to no ad account."""
    found = _visible(ad_accounts, with_discoveries=with_discoveries)
    if status:
        found = found.filter(status=status)
    if ad_account_id is not None:
        found = found.filter(account=ad_account_id)
    newest_first = found.order_by("-started_at", "-pk")
    return list_page(newest_first, number=page, per_page=RUNS_PER_PAGE).convert(
        partial(_line, names_people=names_people)
    )


def run(ad_accounts: QuerySet[AdAccount], run_id: int, *, with_discoveries: bool, names_people: bool) -> RunLine | None:
    """One run, if the person may see it."""
    row = _visible(ad_accounts, with_discoveries=with_discoveries).filter(pk=run_id).first()
    return _line(row, names_people=names_people) if row else None


def rejected_records(ad_accounts: QuerySet[AdAccount], run_id: int) -> list[RejectedLine]:
    """The first records that a run rejected, or stored without their invalid fields.

    Empty if the person may not see its ad account.
    """
    rows = RejectedRecord.objects.filter(run=run_id).filter(Q(account__in=ad_accounts) | Q(account=None))
    return [RejectedLine(row.endpoint, row.reason, row.payload) for row in rows.order_by("pk")[:REJECTED_SHOWN]]


def _visible(ad_accounts: QuerySet[AdAccount], *, with_discoveries: bool) -> QuerySet[SyncLog]:
    of_these = Q(account__in=ad_accounts)
    rows = SyncLog.objects.filter(of_these | Q(account=None) if with_discoveries else of_these)
    return rows.select_related("account", "asked_by")


def _line(row: SyncLog, *, names_people: bool) -> RunLine:
    return RunLine(
        id=row.pk,
        ad_account_id=row.account_id,
        ad_account=str(row.account) if row.account else "all ad accounts",
        status=row.status,
        trigger=row.get_trigger_display() if row.trigger else "",
        asked_by=str(row.asked_by) if row.asked_by and names_people else None,
        started_at=row.started_at,
        finished_at=row.finished_at,
        first_day=row.first_day,
        last_day=row.last_day,
        calls=row.api_calls_made,
        rows_stored=row.rows_stored,
        rows_rejected=row.rows_rejected,
        step=row.progress.get("step", ""),
        share=row.progress.get("share", 0.0),
        error_kind=row.get_error_kind_display() if row.error_kind else None,
        sentences=(row.errors or "").splitlines(),
        notes=(row.notes or "").splitlines(),
        reason=row.reason,
        retry_at=row.resend_at if row.status in SyncLog.TRIED_AGAIN else None,
        is_being_cancelled=row.cancel_asked_at is not None and row.status == SyncLog.Status.RUNNING,
    )
