"""What a sync will request, and what that costs; known before anything is requested."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from django.db.models import DurationField, ExpressionWrapper, F, Sum

from accounts.consents import choice
from ingestion.linkedin import endpoints
from ingestion.linkedin.resources import Resource
from ingestion.models import AccountDailyTotal, AudienceDemographic, Campaign, Creative, SyncLog
from ingestion.sync import audience, daily_figures, entities, load, names, rate_limits, reconciliation
from ingestion.sync.coverage import TOTALS, Coverage, covered
from ingestion.sync.months import whole_months
from ingestion.sync.windows import Windows

# Where no sync has been timed yet: an answer of LinkedIn with several requests side by side.
_SECONDS_PER_CALL = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of one sync and their cost, as far as it can be known beforehand.

    Before the first sync of an ad account (`entities_known` false) nothing is known of its size: then calls
    are the fewest that any ad account takes and rows are 0.
    """

    ad_account_id: int
    first_day: date
    last_day: date
    entities_known: bool
    calls: Mapping[str, int]
    rows: Mapping[str, int]
    seconds: float

    @property
    def total_calls(self) -> int:
        return sum(self.calls.values())

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())


def plan_sync(
    ad_account_id: int, *, first_day: date, last_day: date, resume_after: datetime | None = None, now: datetime
) -> Plan:
    """Plan from what is stored; requests nothing. Days requested after `resume_after` are left out, as in the sync."""
    coverage = Coverage(ad_account_id, now, resume_after)
    campaigns = Campaign.objects.filter(account_id=ad_account_id, missing_since=None)
    creatives = Creative.objects.filter(account_id=ad_account_id, missing_since=None)
    totals = AccountDailyTotal.objects.filter(account_id=ad_account_id, date__range=(first_day, last_day))
    # Where nothing happened the sync makes sure that the ad account can still be read.
    had_totals = bool(covered(TOTALS, ad_account_id=ad_account_id, now=now))
    is_idle = had_totals and campaigns.exists() and not totals.exists()
    calls = {
        "ad account": 2 if is_idle else 1,
        "campaigns": max(1, ceil(campaigns.count() / endpoints.CAMPAIGNS_PER_CALL)),
        "creatives": max(1, ceil(creatives.count() / endpoints.CREATIVES_PER_CALL)),
    }
    rows = {"campaigns": campaigns.count(), "creatives": creatives.count()}
    for table, listed in ((daily_figures.CAMPAIGN_DAYS, campaigns), (daily_figures.CREATIVE_DAYS, creatives)):
        created = sorted(day or date.min for day in listed.values_list("created_at__date", flat=True))
        expected = daily_figures.expected_rows(
            table, ad_account_id=ad_account_id, first_day=first_day, last_day=last_day, entity_days=created, now=now
        )
        left = coverage.days_left(table.dataset, (first_day, last_day))
        calls[table.target.table] = _count_windows(Windows(left, expected=expected))
        rows[table.target.table] = round(sum(expected.between(*days) for days in left))
    calls["account_daily_totals"] = 1
    calls["audience_demographics"] = sum(
        bool(audience.months_left(pivot_type, coverage, days=(first_day, last_day), today=now.date()))
        for pivot_type in endpoints.DEMOGRAPHIC_PIVOTS
    )
    first_month, _ = whole_months(first_day=first_day, last_day=last_day, today=now.date())
    segments = AudienceDemographic.objects.filter(account_id=ad_account_id, date_start__gte=first_month)
    rows["audience_demographics"] = segments.count()
    calls["reconciliation"] = reconciliation.count_calls(
        ad_account_id=ad_account_id, first_day=first_day, last_day=last_day, now=now
    )
    calls |= _count_name_calls(ad_account_id, now=now)
    return Plan(
        ad_account_id=ad_account_id,
        first_day=first_day,
        last_day=last_day,
        entities_known=bool(rows["campaigns"]),
        calls=calls,
        rows=rows,
        seconds=sum(calls.values()) * _seconds_per_call(),
    )


def _count_windows(windows: Windows) -> int:
    """Simulate the sync, every answer as full as expected."""
    count = 0
    while (window := windows.next()) is not None:
        windows.answered(window, round(window.expected_rows))
        count += 1
    return count


def _count_name_calls(ad_account_id: int, *, now: datetime) -> dict[str, int]:
    """Requests for names of segments and of posts; none where LinkedIn's daily limit of them is used up."""
    role = choice.usable_roles(now=now).filter(ad_account=ad_account_id).select_related("connection").first()
    parked: Mapping[str, datetime] = {}
    if role and (limits := rate_limits.parked_resources([role.connection_id], now=now)):
        parked = limits[role.connection_id].until
    segments = load.unnamed_segments(ad_account_id=ad_account_id)
    calls = {"names": 0 if Resource.NAMES in parked else _count_look_ups(segments, now=now)}
    if role and entities.may_read_posts(role.connection.scopes) and Resource.POSTS not in parked:
        calls["posts"] = _count_look_ups(_unnamed_posts(ad_account_id), now=now)
    return calls


def _count_look_ups(urns: Iterable[str], *, now: datetime) -> int:
    _, unknown = names.unknown_urns(urns, now=now)
    return len(names.batches(unknown))


def _unnamed_posts(ad_account_id: int) -> list[str]:
    creatives = Creative.objects.filter(account_id=ad_account_id, missing_since=None, content_name=None)
    references = creatives.order_by("pk").values_list("content_reference", flat=True)
    return list(dict.fromkeys(urn for urn in references if urn is not None and names.is_post(urn)))


def _seconds_per_call() -> float:
    """From the last twenty successful syncs."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    last = SyncLog.objects.filter(status=SyncLog.Status.SUCCESS, account__isnull=False).order_by("-started_at")
    recent = last.filter(pk__in=last.values("pk")[:20]).aggregate(took=Sum(took), calls=Sum("api_calls_made"))
    if not recent["calls"]:
        return _SECONDS_PER_CALL
    spent: timedelta = recent["took"]
    return spent.total_seconds() / int(recent["calls"])
