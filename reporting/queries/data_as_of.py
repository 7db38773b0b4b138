"""How recent and complete the data is, what needs attention, and recent spend."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, Min, OuterRef, QuerySet, Subquery

from accounts.consents import choice
from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection
from accounts.shell import clock
from ingestion.models import CoveredDays, IncompleteDay, SyncLog
from ingestion.timetable.expected_sync import ExpectedSync, expected_syncs
from ingestion.timetable.sync_status import (
    ConnectionState,
    complete_through,
    connection_state,
    with_sync_state,
)
from reporting.checks.severity import Severity
from reporting.periods import Period, last_days
from reporting.queries.coverage import Coverage, coverage_of
from reporting.queries.grouping import Params, Selection, ad_account_ids, fetch_all
from reporting.queries.money import by_currency
from reporting.ratios import change_percent

if TYPE_CHECKING:
    from ingestion.timetable.sync_status import AdAccountWithSyncs

_SPEND_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAsOf:
    """One ad account: how far its figures can be trusted.

    `as_of` is the start of the sync that fetched the newest figures; all checked days through `complete_through` match
    LinkedIn's own totals. Demographics do not count there: they came through `demographics_through`.
    """

    ad_account_id: int
    name: str
    as_of: datetime | None
    complete_through: date | None
    demographics_through: date | None
    incomplete_days: int
    last_status: str | None
    last_errors: str | None
    missing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionAsOf:
    """Several ad accounts together: as recent as the oldest, as complete as the least complete of those ever synced."""

    ad_accounts: int
    never_synced: int
    as_of: datetime | None
    complete_through: date | None
    incomplete_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something that needs attention: how severe it is, what it is, and where to go.

    `kind` is one of `sync_failed`, `consent_lost`, `consent_ending`, `no_connection`, `rejected_records`,
    `incomplete_days`, `never_synced`, `missing_at_linkedin`; the ids are those that the sentence is about.
    """

    severity: Severity
    kind: str
    sentence: str
    ad_account_id: int | None = None
    connection_id: int | None = None
    run_id: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLately:
    """One currency: spend in the last 30 whole days and per day, and in the days they are compared with.

    A day that was never fetched has None; so has a period without spend unless each of its days was fetched.
    """

    currency: str | None
    spend: Decimal | None
    before: Decimal | None
    days: tuple[Decimal | None, ...]
    coverage: Coverage
    compared_coverage: Coverage

    @property
    def compared_with(self) -> Period:
        return self.compared_coverage.period

    @property
    def comparison(self) -> str:
        """Why these days."""
        return self.coverage.period.previous_in_words()

    @property
    def change_percent(self) -> Decimal | None:
        """None if there is nothing to compare with or days of either period are missing."""
        if not (self.coverage.is_whole and self.compared_coverage.is_whole):
            return None
        return change_percent(before=self.before, now=self.spend)


def data_as_of(*, ad_accounts: QuerySet[AdAccount], now: datetime | None = None) -> list[DataAsOf]:
    """Each ad account, by name, without what a clock that was wrong dated ahead."""
    return [_data_as_of(one) for one in with_sync_state(ad_accounts, now=now)]


def with_next_sync(*, ad_accounts: QuerySet[AdAccount], now: datetime) -> list[tuple[DataAsOf, ExpectedSync]]:
    """Each ad account by name, with its next sync."""
    each = data_as_of(ad_accounts=ad_accounts, now=now)
    expected = expected_syncs([one.ad_account_id for one in each], now=now)
    return [(one, expected[one.ad_account_id]) for one in each]


def selection_as_of(*, ad_accounts: QuerySet[AdAccount]) -> SelectionAsOf:
    """The status line above figures of several ad accounts."""
    return together(data_as_of(ad_accounts=ad_accounts))


def together(each: Collection[DataAsOf]) -> SelectionAsOf:
    """The same line, for ad accounts that are already read."""
    return SelectionAsOf(
        ad_accounts=len(each),
        never_synced=sum(one.as_of is None for one in each),
        as_of=min((one.as_of for one in each if one.as_of), default=None),
        complete_through=_least_complete([one.complete_through for one in each if one.as_of]),
        incomplete_days=sum(one.incomplete_days for one in each),
    )


def _least_complete(days: Sequence[date | None]) -> date | None:
    """None also where one of them was never checked."""
    known = [day for day in days if day]
    return min(known, default=None) if len(known) == len(days) else None


def incomplete_days(*, ad_accounts: QuerySet[AdAccount], period: Period) -> int:
    """How many days of the period do not match LinkedIn's totals; a day counts once, however many ad accounts."""
    days = IncompleteDay.objects.filter(account__in=ad_account_ids(ad_accounts), date__gte=period.first_day)
    return days.filter(date__lte=period.last_day).order_by().values("date").distinct().count()


def stored_days(
    *, ad_accounts: QuerySet[AdAccount], campaign_ids: Collection[int] | None = None
) -> tuple[date, date] | None:
    """The first and the last day with any activity; None if there was none.

    Two index lookups in (campaign, date) per campaign, however many days it has.
    """
    [(first_day, last_day)] = fetch_all(
        _STORED_DAYS,
        {
            "ad_account_ids": ad_account_ids(ad_accounts),
            "campaign_ids": None if campaign_ids is None else list(campaign_ids),
        },
    )
    return (first_day, last_day) if first_day else None


_STORED_DAYS = """
SELECT min(days.first_day), max(days.last_day)
FROM campaigns AS campaign CROSS JOIN LATERAL (
    SELECT min(day.date) AS first_day, max(day.date) AS last_day
    FROM campaign_daily_metrics AS day WHERE day.campaign_id = campaign.id
) AS days
WHERE campaign.account_id = ANY(%(ad_account_ids)s)
  AND (%(campaign_ids)s::bigint[] IS NULL OR campaign.id = ANY(%(campaign_ids)s))
"""


def connections_of(*, ad_accounts: QuerySet[AdAccount], now: datetime) -> list[ConnectionState]:
    """The consents through which these ad accounts are or were read."""
    return [connection_state(one, now=now) for one in _connections(ad_accounts)]


def attention(*, ad_accounts: QuerySet[AdAccount], now: datetime, names_people: bool) -> list[Attention]:
    """What needs attention, most severe first."""
    found = [
        *_consents(ad_accounts, now, names_people=names_people),
        *_without_connection(ad_accounts, now),
        *_failed_syncs(ad_accounts, now),
        *_missing_at_linkedin(ad_accounts),
        *_incomplete_days(ad_accounts),
        *_rejected_records(ad_accounts, now),
        *_never_synced(ad_accounts, now),
    ]
    return sorted(found, key=lambda one: one.severity.rank)


def overview_spend(*, ad_accounts: QuerySet[AdAccount], today: date) -> list[SpendLately]:
    """The last 30 whole days in each currency.

    Both ranges of days are read in one pass, and only spend: adding money is the slow part.
    """
    period = last_days(_SPEND_DAYS, today=today)
    before = period.previous()
    selection = Selection(ad_accounts, Period(before.first_day, period.last_day))
    coverage, source = coverage_of(selection), selection.source()
    counted = {*before.each_day(), *period.each_day()}
    spent: dict[str | None, dict[date, Decimal]] = {}
    for currency, day, spend in fetch_all(
        f"SELECT ad_account.currency, day.date, sum(day.spend) {source.sql} GROUP BY 1, 2", source.params
    ):
        if day in counted:
            spent.setdefault(currency, {})[day] = spend
    found = [
        _spend_lately(currency, by_day, of_currency.within(period), of_currency.within(before))
        for currency, by_day in spent.items()
        for of_currency in [coverage.of_currency(currency)]
    ]
    return sorted(found, key=lambda one: by_currency(one.currency))


def _spend_lately(
    currency: str | None, by_day: Mapping[date, Decimal], coverage: Coverage, compared: Coverage
) -> SpendLately:
    return SpendLately(
        currency=currency,
        spend=_spend(by_day, coverage),
        before=_spend(by_day, compared),
        days=tuple(_spend(by_day, coverage.within(Period(day, day))) for day in coverage.period.each_day()),
        coverage=coverage,
        compared_coverage=compared,
    )


def _spend(by_day: Mapping[date, Decimal], coverage: Coverage) -> Decimal | None:
    """What was spent in the period; None if there are no rows and not every day was fetched."""
    days = coverage.period
    spent = [by_day[day] for day in days.each_day() if day in by_day]
    return sum(spent, Decimal(0)) if spent or coverage.has_fetched(days.first_day, days.last_day) else None


# --- data as of ---


def _data_as_of(ad_account: "AdAccountWithSyncs") -> DataAsOf:
    return DataAsOf(
        ad_account_id=ad_account.pk,
        name=_name(ad_account),
        as_of=ad_account.data_as_of,
        complete_through=complete_through(ad_account),
        demographics_through=ad_account.demographics_through,
        incomplete_days=ad_account.incomplete_day_count,
        last_status=ad_account.last_status,
        last_errors=ad_account.last_errors,
        missing_since=ad_account.missing_since,
    )


def _name(ad_account: AdAccount) -> str:
    return ad_account.name or str(ad_account.pk)


# --- attention ---


def _connections(ad_accounts: QuerySet[AdAccount]) -> QuerySet[LinkedInConnection]:
    roles = LinkedInAdAccountRole.objects.filter(ad_account__in=ad_accounts.order_by().values("pk"))
    read_by = LinkedInConnection.objects.filter(pk__in=roles.values("connection"))
    return read_by.select_related("user").without_tokens().order_by("pk")


def _consents(ad_accounts: QuerySet[AdAccount], now: datetime, *, names_people: bool) -> Iterator[Attention]:
    """Consents that LinkedIn refuses or that end within 60 days; one that a person ended is fine."""
    for one in connections_of(ad_accounts=ad_accounts, now=now):
        consent = f"The LinkedIn consent of {one.person}" if names_people else "A LinkedIn consent"
        if one.state == LinkedInConnection.State.NEEDS_CONSENT:
            yield Attention(
                severity=Severity.CRITICAL,
                kind="consent_lost",
                sentence=one.trouble or f"{consent} has ended; connect LinkedIn again.",
                connection_id=one.id,
            )
        elif one.days_left is not None and one.state == "expiring":
            days = "1 day" if one.days_left == 1 else f"{one.days_left} days"
            yield Attention(
                severity=_severity_of_ending(one.days_left),
                kind="consent_ending",
                sentence=f"{consent} ends in {days}; renew it by connecting LinkedIn again.",
                connection_id=one.id,
                count=one.days_left,
            )


def _severity_of_ending(days_left: int) -> Severity:
    if days_left <= 7:
        return Severity.CRITICAL
    return Severity.WARNING if days_left <= 30 else Severity.NOTICE


def _without_connection(ad_accounts: QuerySet[AdAccount], now: datetime) -> Iterator[Attention]:
    """Ad accounts that no valid consent covers."""
    readable = choice.usable_roles(now=now).values("ad_account")
    for one in ad_accounts.exclude(pk__in=readable).order_by("name", "pk"):
        yield Attention(
            severity=Severity.CRITICAL,
            kind="no_connection",
            sentence=f"No LinkedIn consent covers {_name(one)}; somebody with a role on it must connect LinkedIn.",
            ad_account_id=one.pk,
        )


def _failed_syncs(ad_accounts: QuerySet[AdAccount], now: datetime) -> Iterator[Attention]:
    """Runs that failed completely or partly since the last success."""
    params: Params = {"ad_account_ids": ad_account_ids(ad_accounts), "latest": clock.latest(now)}
    rows = fetch_all(_TROUBLED_RUNS, params)
    for ad_account_id, name, count, run_id, status, errors in rows:
        times = "once" if count == 1 else f"{count} times"
        first_line = (errors or "").partition("\n")[0]
        yield Attention(
            severity=Severity.CRITICAL if status == SyncLog.Status.FAILED else Severity.WARNING,
            kind="sync_failed",
            sentence=f"The sync of {name} {_HOW[status]} {times} since its last success. {first_line}".rstrip(),
            ad_account_id=ad_account_id,
            run_id=run_id,
            count=count,
        )


# Reads each ad account's own runs only, however many there are in total.
_TROUBLED_RUNS = """
SELECT ad_account.id, coalesce(ad_account.name, ad_account.id::text), run.count, run.id, run.status, run.errors
FROM ad_accounts AS ad_account
CROSS JOIN LATERAL (SELECT coalesce(max(started_at), '-infinity') AS last_at
                    FROM sync_log WHERE account_id = ad_account.id AND status = 'success'
                      AND started_at <= %(latest)s) AS success
CROSS JOIN LATERAL (SELECT count(*), (array_agg(id ORDER BY started_at DESC))[1] AS id,
                           (array_agg(status ORDER BY started_at DESC))[1] AS status,
                           (array_agg(errors ORDER BY started_at DESC))[1] AS errors
                    FROM sync_log WHERE account_id = ad_account.id AND started_at > success.last_at
                      AND started_at <= %(latest)s AND status IN ('failed', 'partial')) AS run
WHERE ad_account.id = ANY(%(ad_account_ids)s) AND run.count > 0
ORDER BY ad_account.name, ad_account.id
"""
_HOW = {SyncLog.Status.FAILED.value: "failed", SyncLog.Status.PARTIAL.value: "was incomplete"}


def _missing_at_linkedin(ad_accounts: QuerySet[AdAccount]) -> Iterator[Attention]:
    for one in ad_accounts.filter(missing_since__isnull=False).order_by("name", "pk"):
        yield Attention(
            severity=Severity.WARNING,
            kind="missing_at_linkedin",
            sentence=f"LinkedIn stopped returning {_name(one)} on {one.missing_since:%Y-%m-%d}; stored data is kept."
            " If this was not intended, ask an account manager at LinkedIn to restore the role.",
            ad_account_id=one.pk,
        )


def _incomplete_days(ad_accounts: QuerySet[AdAccount]) -> Iterator[Attention]:
    days = IncompleteDay.objects.filter(account__in=ad_accounts.order_by().values("pk"))
    for one in days.order_by().values("account", "account__name").annotate(days=Count("pk"), first=Min("date")):
        several = one["days"] > 1
        yield Attention(
            severity=Severity.WARNING,
            kind="incomplete_days",
            sentence=f"{one['days']} {'days' if several else 'day'} of {one['account__name'] or one['account']}"
            f" {'do' if several else 'does'} not match LinkedIn's totals, starting {one['first']};"
            f" syncs fetch {'them' if several else 'it'} again.",
            ad_account_id=one["account"],
            count=one["days"],
        )


def _rejected_records(ad_accounts: QuerySet[AdAccount], now: datetime) -> Iterator[Attention]:
    """From each ad account's last finished run."""
    ended = SyncLog.objects.filter(account=OuterRef("pk"), finished_at__isnull=False, started_at__lte=clock.latest(now))
    ended = ended.exclude(status__in=SyncLog.NEVER_RAN).order_by("-started_at")
    last = ad_accounts.order_by().values_list(Subquery(ended.values("pk")[:1]))
    runs = SyncLog.objects.filter(pk__in=last, rows_rejected__gt=0).select_related("account")
    for run in runs.order_by("account_id"):
        if run.account:
            records = "1 record" if run.rows_rejected == 1 else f"{run.rows_rejected} records"
            yield Attention(
                severity=Severity.WARNING,
                kind="rejected_records",
                sentence=f"The last sync of {_name(run.account)} rejected {records}, which are not in any figures.",
                ad_account_id=run.account.pk,
                run_id=run.pk,
                count=run.rows_rejected,
            )


def _never_synced(ad_accounts: QuerySet[AdAccount], now: datetime) -> Iterator[Attention]:
    """But for paused ones, which are so because somebody wanted it."""
    days = CoveredDays.objects.filter(account=OuterRef("pk"), asked_at__lte=clock.latest(now))
    found = ad_accounts.filter(~Exists(days)).exclude(sync_settings__is_paused=True)
    for one in found.order_by("name", "pk"):
        yield Attention(
            severity=Severity.NOTICE,
            kind="never_synced",
            sentence=f"{_name(one)} was never synced successfully; start a sync or wait for the scheduled one.",
            ad_account_id=one.pk,
        )
