"""The filters of a report, read from an address that people copy, keep and edit.

An invalid filter becomes an error message and leaves the rest as typed. Ad accounts and campaigns that the reader may
not see are left out and counted: a shared link shows everybody their own part.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypedDict

from django.db.models import QuerySet
from django.http import QueryDict

from accounts.models import AdAccount
from accounts.shell.request_values import or_none, row_id
from ingestion.models import Campaign
from reporting.metrics import METRICS, OFFERED
from reporting.periods import CUSTOM, Period, PeriodError, Preset, parse_period
from reporting.queries.coverage import ever_synced
from reporting.queries.grouping import GroupBy
from reporting.queries.money import by_currency


def with_offered(*names: str) -> tuple[str, ...]:
    """These figures, then the others that are offered wherever people choose one."""
    return tuple(dict.fromkeys((*names, *OFFERED)))


CAMPAIGN_METRICS = with_offered(
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "conversions", "leads", "cost_per_lead"
)
CREATIVE_METRICS = with_offered("spend", "impressions", "clicks", "ctr_percent", "conversions", "leads", "engagements")
TREND_METRICS = with_offered(
    "spend", "impressions", "clicks", "landing_page_clicks", "conversions", "leads", "ctr_percent", "cpc", "cpm"
)
_DEFAULT_TREND = ("spend", "clicks")
COMPARE_WITH = {"previous": "Previous period", "none": "Nothing"}
# The parameters of the address; the first two may be repeated.
_SEVERAL = {"ad_account", "campaign"}
_PARAMETERS = (
    *_SEVERAL, "currency", "period", "first_day", "last_day", "without_today", "compare", "by", "trend",
    "campaign_metric", "creative_metric",
)  # fmt: skip
_STEPS = {"": "Automatic", "day": "Day", "week": "Week", "month": "Month"}


class QueryArguments(TypedDict):
    """What the queries of all sections take."""

    ad_accounts: QuerySet[AdAccount]
    period: Period
    campaign_ids: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSelection:
    """What a report shows; `campaign_ids` of None means all campaigns, `before` of None no comparison.

    `chosen` are all ad accounts that were asked for, `ad_accounts` those of them that were ever synced: the others have
    no figures to add, and the report says so once, instead of counting every day of all others as missing.
    """

    today: date
    chosen: QuerySet[AdAccount]
    ad_accounts: QuerySet[AdAccount]
    period: Period
    before: Period | None
    campaign_ids: tuple[int, ...] | None
    step: GroupBy
    campaign_metric: str = "spend"
    creative_metric: str = "spend"

    @property
    def lies_ahead(self) -> bool:
        """Whether no day of the period has come yet."""
        return self.period.first_day > self.today

    def currencies(self) -> list[str | None]:
        """The currencies of the ad accounts, known ones first."""
        found = set(self.ad_accounts.order_by().values_list("currency", flat=True))
        return sorted(found, key=by_currency)

    def of(self, currency: str | None) -> QuerySet[AdAccount]:
        """The ad accounts of one currency."""
        return self.ad_accounts.filter(currency=currency)

    def arguments(self, *currency: str | None) -> QueryArguments:
        """The arguments that all queries share; with a currency, for its ad accounts only."""
        return {
            "ad_accounts": self.of(*currency) if currency else self.ad_accounts,
            "period": self.period,
            "campaign_ids": self.campaign_ids,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFilters:
    """The filters as typed, with their errors; `selection` is None if there are any.

    `is_missing`: they name what does not exist, or what this reader may not see.
    """

    ad_account_ids: tuple[int, ...]
    campaign_ids: tuple[int, ...]
    currency: str
    preset: str
    first_day: str
    last_day: str
    without_today: bool
    compare: str
    step: str
    trend: tuple[str, ...]
    campaign_metric: str
    creative_metric: str
    errors: tuple[str, ...]
    is_missing: bool
    selection: ReportSelection | None


def read(
    params: QueryDict, *, visible: QuerySet[AdAccount], today: date, others: Collection[str] = ()
) -> ReportFilters:
    """The filters of the address, within the ad accounts this reader may see; `others` are parameters besides them."""
    errors = _wrong_names(params, others)
    asked_accounts, asked_campaigns = (
        _ids(params, "ad_account", "ad accounts", errors),
        _ids(params, "campaign", "campaigns", errors),
    )
    missing = _missing(asked_accounts, asked_campaigns, visible)
    errors += missing
    ad_accounts = visible.filter(pk__in=asked_accounts) if asked_accounts else visible
    currency = params.get("currency", "")
    if currency:
        ad_accounts = ad_accounts.filter(currency=currency)
    if not missing:
        errors += _contradictions(ad_accounts, asked_campaigns, currency)
    trend = _trend(params, errors)
    without_today = bool(_one_of(params, "without_today", ("", "1"), "", "choice", errors))
    period = _period(params, today, errors, without_today=without_today)
    compare = _one_of(params, "compare", COMPARE_WITH, "previous", "comparison", errors)
    step = _one_of(params, "by", _STEPS, "", "trend interval", errors)
    campaign_metric = _one_of(params, "campaign_metric", CAMPAIGN_METRICS, "spend", "campaign metric", errors)
    creative_metric = _one_of(params, "creative_metric", CREATIVE_METRICS, "spend", "creative metric", errors)
    before = _before(period, errors) if period and compare == "previous" else None
    selection = None
    if period and not errors:
        if asked_campaigns:
            ad_accounts = ad_accounts.filter(pk__in=Campaign.objects.filter(pk__in=asked_campaigns).values("account"))
        selection = ReportSelection(
            today=today,
            chosen=ad_accounts,
            ad_accounts=ever_synced(ad_accounts),
            period=period,
            before=before,
            campaign_ids=tuple(sorted(asked_campaigns)) or None,
            step=GroupBy(step) if step else step_of(period),
            campaign_metric=campaign_metric,
            creative_metric=creative_metric,
        )
    return ReportFilters(
        ad_account_ids=asked_accounts,
        campaign_ids=asked_campaigns,
        currency=currency,
        preset=params.get("period", "") or (CUSTOM if _says_days(params) else Preset.LAST_30_DAYS.value),
        first_day=params.get("first_day", ""),
        last_day=params.get("last_day", ""),
        without_today=without_today,
        compare=compare,
        step=step,
        trend=trend,
        campaign_metric=campaign_metric,
        creative_metric=creative_metric,
        errors=tuple(errors),
        is_missing=bool(missing),
        selection=selection,
    )


def step_of(period: Period) -> GroupBy:
    """Days for a quarter, weeks for a year, months beyond that: a dozen to a hundred points."""
    if period.days <= 92:
        return GroupBy.DAY
    return GroupBy.WEEK if period.days <= 366 else GroupBy.MONTH


def steps() -> list[tuple[str, str]]:
    return list(_STEPS.items())


def presets() -> list[tuple[str, str]]:
    """The named periods and a custom range, for a form."""
    return [*((one.value, one.label) for one in Preset), (CUSTOM, "Custom range")]


def _ids(params: QueryDict, name: str, what: str, errors: list[str]) -> tuple[int, ...]:
    """Repeated, as forms send them, or separated by commas, which fits hundreds into an address."""
    texts = [text for value in params.getlist(name) for text in value.split(",") if text]
    ids = {text: or_none(row_id, text) for text in texts}
    if invalid := [text for text, number in ids.items() if number is None]:
        errors.append(f"“{invalid[0][:40]}” is not an id of one of the {what}; choose from the list.")
    return tuple(dict.fromkeys(number for number in ids.values() if number is not None))


def _wrong_names(params: QueryDict, others: Collection[str]) -> list[str]:
    """Of parameters that the report does not have, and of those that are given twice."""
    known = {*_PARAMETERS, *others}
    errors = [
        f"Unknown parameter “{name[:40]}”; use {', '.join(sorted(known))}." for name in params if name not in known
    ]
    once = known - _SEVERAL
    return errors + [f"Give “{name}” once." for name in sorted(once) if len(set(params.getlist(name))) > 1]


def _missing(ad_account_ids: Collection[int], campaign_ids: Collection[int], visible: QuerySet[AdAccount]) -> list[str]:
    """In the same words whether something does not exist or is somebody else's."""
    found = []
    if ad_account_ids and visible.filter(pk__in=ad_account_ids).count() < len(ad_account_ids):
        found.append("There is no such ad account, or it is not shared with you. Ask an owner for access.")
    if campaign_ids and _campaigns(campaign_ids, visible) < len(campaign_ids):
        found.append("There is no such campaign, or its ad account is not shared with you. Ask an owner for access.")
    return found


def _contradictions(ad_accounts: QuerySet[AdAccount], campaign_ids: Collection[int], currency: str) -> list[str]:
    """Of filters that leave nothing of each other."""
    if currency and not ad_accounts.exists():
        return [f"None of these ad accounts uses “{currency[:40]}”; choose another currency, or all."]
    outside = len(campaign_ids) - _campaigns(campaign_ids, ad_accounts) if campaign_ids else 0
    if outside:
        return [
            f"{outside} selected campaign{' does' if outside == 1 else 's do'} not belong to these ad accounts; choose"
            " campaigns of these ad accounts, or none to include all."
        ]
    return []


def _campaigns(ids: Collection[int], ad_accounts: QuerySet[AdAccount]) -> int:
    """How many of them belong to these ad accounts."""
    return Campaign.objects.filter(pk__in=ids, account__in=ad_accounts.order_by().values("pk")).count()


def _trend(params: QueryDict, errors: list[str]) -> tuple[str, ...]:
    asked = [one for one in params.get("trend", "").split(",") if one]
    if unknown := [one for one in asked if one not in TREND_METRICS]:
        errors.append(f"Unknown trend metric “{unknown[0][:40]}”; choose from {', '.join(TREND_METRICS)}.")
    return tuple(one for one in asked if one in TREND_METRICS) or _DEFAULT_TREND


def _period(params: QueryDict, today: date, errors: list[str], *, without_today: bool) -> Period | None:
    try:
        period = parse_period(
            preset=params.get("period"),
            first_day=params.get("first_day"),
            last_day=params.get("last_day"),
            today=today,
        )
    except PeriodError as error:
        errors.append(str(error))
        return None
    if not without_today or period.last_day < today:
        return period
    if period.first_day >= today:
        errors.append("No day of this period is over; choose an earlier first day, or include today.")
        return None
    return period.until(today - timedelta(days=1))


def _before(period: Period, errors: list[str]) -> Period | None:
    try:
        return period.previous()
    except PeriodError as error:
        errors.append(f"There is no previous period to compare with. {error}")
        return None


def _says_days(params: QueryDict) -> bool:
    return bool(params.get("first_day") or params.get("last_day"))


def _one_of(params: QueryDict, name: str, known: Iterable[str], default: str, what: str, errors: list[str]) -> str:
    value = params.get(name) or default
    if value not in known:
        errors.append(f"Unknown {what} “{value[:40]}”; choose one of {', '.join(filter(None, known))}.")
        return default
    return value


def metric_options(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Metrics by name and label, for a choice."""
    return tuple((name, METRICS[name].label) for name in names)
