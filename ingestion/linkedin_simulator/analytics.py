"""GET /rest/adAnalytics: reading the query, printing the rows.

Source: LinkedIn's Reporting page and metrics table (view li-lms-2026-02).
"""

import json
from collections.abc import Callable, Sequence
from datetime import date
from itertools import islice
from operator import itemgetter

from .analytics_rows import FACETS, PERFORMANCE_PIVOTS, AnalyticsQuery, DayTotals, Row, rows
from .errors import field_invalid, plain_bad_request
from .figures import (
    CLICKS,
    COMMENTS,
    CONVERSION_VALUE,
    CONVERSIONS,
    FOLLOWS,
    IMPRESSIONS,
    LANDING_PAGE_CLICKS,
    LEADS,
    LIKES,
    MONEY_SCALE,
    NOTHING,
    OPENS,
    SENDS,
    SHARES,
    SPEND,
    VIDEO_VIEWS,
    Figures,
    money,
)
from .present import Present
from .restli import Parameters, day_of, urn_numbers
from .segments import FEWEST_EVENTS, MEMBER_PIVOTS
from .world import AccountPlan

MAX_ROWS = 15_000
MAX_FIELDS = 20
_REACH_DAYS = 92
_ALLOWED = frozenset(
    ("q", "pivot", "dateRange", "timeGranularity", "accounts", "campaigns", "campaignGroups", "creatives",
     "campaignType", "sortBy", "fields", "start", "count")
)  # fmt: skip
ALLOWED = {"analytics": _ALLOWED, "statistics": (_ALLOWED - {"pivot"}) | {"pivots"}}
_GRANULARITIES = ("ALL", "DAILY", "MONTHLY", "YEARLY")
_CAMPAIGN_TYPES = ("TEXT_AD", "SPONSORED_UPDATES", "SPONSORED_INMAILS", "DYNAMIC")
_COLUMNS = {
    "impressions": IMPRESSIONS, "clicks": CLICKS, "landingPageClicks": LANDING_PAGE_CLICKS, "likes": LIKES,
    "externalWebsiteConversions": CONVERSIONS, "comments": COMMENTS, "shares": SHARES, "follows": FOLLOWS,
    "oneClickLeads": LEADS, "opens": OPENS, "sends": SENDS, "videoViews": VIDEO_VIEWS, "reactions": LIKES,
    "videoStarts": VIDEO_VIEWS, "externalWebsitePostClickConversions": CONVERSIONS, "actionClicks": CLICKS,
}  # fmt: skip
_USD_CENTS = {"USD": 100, "EUR": 108, "GBP": 127}
_ALWAYS_ZERO = frozenset(
    ("adUnitClicks", "averageDwellTime", "cardClicks", "cardImpressions", "commentLikes", "companyPageClicks",
     "documentCompletions", "documentFirstQuartileCompletions", "documentMidpointCompletions",
     "documentThirdQuartileCompletions", "downloadClicks", "externalWebsitePostViewConversions",
     "fullScreenPlays",
     "headlineClicks", "headlineImpressions", "leadGenerationMailContactInfoShares",
     "leadGenerationMailInterestedClicks", "oneClickLeadFormOpens", "otherEngagements", "qualifiedLeads",
     "subscriptionClicks", "talentLeads", "textUrlClicks", "validWorkEmailLeads", "videoCompletions",
     "videoFirstQuartileCompletions", "videoMidpointCompletions", "videoThirdQuartileCompletions",
     "viralClicks",
     "viralComments", "viralFollows", "viralImpressions", "viralLikes", "viralOneClickLeads",
     "viralReactions",
     "viralShares", "viralVideoViews", "viralCardImpressions", "viralCardClicks", "viralLandingPageClicks",
     "viralExternalWebsiteConversions", "viralTotalEngagements")
)  # fmt: skip
_ZERO_DECIMALS = frozenset(
    ("costPerQualifiedLead", "jobApplications", "jobApplyClicks", "postClickJobApplications",
     "postClickJobApplyClicks", "postClickRegistrations", "postViewJobApplications", "postViewJobApplyClicks",
     "postViewRegistrations", "registrations")
)  # fmt: skip
_NOT_FOR_MEMBERS = frozenset(
    ("conversionValueInLocalCurrency", "cardImpressions", "cardClicks", "viralCardImpressions",
    "viralCardClicks",
     "approximateMemberReach")
)  # fmt: skip
_SORTABLE = {
    "COST_IN_LOCAL_CURRENCY": SPEND, "IMPRESSIONS": IMPRESSIONS, "CLICKS": CLICKS, "ONE_CLICK_LEADS": LEADS,
    "OPENS": OPENS, "SENDS": SENDS, "EXTERNAL_WEBSITE_CONVERSIONS": CONVERSIONS,
}  # fmt: skip
_DERIVED: dict[str, Callable[[Figures, str], int | str]] = {
    "costInLocalCurrency": lambda row, _: money(row[SPEND]),
    "costInUsd": lambda row, currency: money(row[SPEND] * _USD_CENTS[currency], MONEY_SCALE + 2),
    "conversionValueInLocalCurrency": lambda row, _: money(row[CONVERSION_VALUE]),
    "totalEngagements": lambda row, _: row[CLICKS] + row[LIKES] + row[COMMENTS] + row[SHARES] + row[FOLLOWS],
    "approximateMemberReach": lambda row, _: row[IMPRESSIONS] * 3 // 5 + 1,
    **{name: lambda row, _: "0.0" for name in _ZERO_DECIMALS},
    **{name: lambda row, _: 0 for name in _ALWAYS_ZERO},
}
_DECIMALS = {"costInLocalCurrency", "costInUsd", "conversionValueInLocalCurrency", *_ZERO_DECIMALS}
_KEYS = ("dateRange", "pivotValues")
METRICS = frozenset((*_COLUMNS, *_DERIVED))


def read_query(parameters: Parameters, finder: str, today: date) -> AnalyticsQuery:
    """Understand a call, or refuse it as LinkedIn would."""
    facets = {name: _facet(parameters, name) for name in FACETS if parameters.has(name)}
    if not facets:
        raise plain_bad_request("At least one facet (accounts, campaigns, campaignGroups, creatives) is required")
    first, last = _date_range(parameters, today)
    granularity = parameters.enum("timeGranularity", _GRANULARITIES)
    if granularity is None:
        raise field_invalid("timeGranularity", "ERROR :: /timeGranularity :: field is required but not found")
    return AnalyticsQuery(
        pivots=_pivots(parameters, finder),
        first_day=first,
        last_day=last,
        granularity=granularity,
        facets=facets,
        campaign_type=parameters.enum("campaignType", _CAMPAIGN_TYPES),
    )


def _facet(parameters: Parameters, name: str) -> frozenset[int]:
    kind = list(PERFORMANCE_PIVOTS.values())[FACETS[name]][1]
    return frozenset(urn_numbers(parameters.texts(name) or [], kind, name))


def _pivots(parameters: Parameters, finder: str) -> tuple[str, ...]:
    if finder == "analytics":
        pivot = parameters.enum("pivot", (*PERFORMANCE_PIVOTS, *MEMBER_PIVOTS))
        return (pivot or "ACCOUNT",)
    pivots = parameters.texts("pivots")
    if not pivots or len(pivots) > 3:
        raise field_invalid("pivots/value", "ERROR :: /value :: one to three pivots are needed")
    for pivot in pivots:
        if pivot not in PERFORMANCE_PIVOTS:
            raise field_invalid("pivots/value", f"ERROR :: /value :: {pivot} is not supported by this finder")
    return tuple(pivots)


def _date_range(parameters: Parameters, today: date) -> tuple[date, date]:
    record = parameters.record("dateRange")
    if record is None or "start" not in record or set(record) - {"start", "end"}:
        raise field_invalid("dateRange", "ERROR :: /start :: field is required but not found and has no default")
    first = day_of(record["start"], "dateRange/start")
    last = day_of(record.get("end"), "dateRange/end") or today
    if first is None or last < first:
        raise field_invalid("dateRange", "ERROR :: /dateRange :: start must not be after end")
    return first, last


def read_fields(parameters: Parameters, query: AnalyticsQuery) -> list[str]:
    """Give the names to print; without `fields` LinkedIn sends impressions and clicks."""
    fields = parameters.fields()
    if fields is None:
        return ["impressions", "clicks", *_KEYS]
    if len(fields) > MAX_FIELDS:
        raise field_invalid("fields", f"ERROR :: /fields :: {len(fields)} fields exceed the limit of {MAX_FIELDS}")
    unknown = [name for name in fields if name not in METRICS and name not in _KEYS]
    if unknown:
        raise field_invalid("fields", f"ERROR :: /fields :: unrecognized field {unknown[0]}")
    refused = sorted(_NOT_FOR_MEMBERS.intersection(fields)) if query.asks_members else []
    if refused:
        raise field_invalid("fields", f"ERROR :: /fields :: {refused[0]} is not available for {query.pivots[0]}")
    too_long = (query.last_day - query.first_day).days + 1 > _REACH_DAYS
    return [name for name in fields if name != "approximateMemberReach" or not too_long]


def read_order(parameters: Parameters) -> Callable[[Row], int] | None:
    """Give the sort key of `sortBy=(field:…,order:…)`."""
    record = parameters.record("sortBy")
    if record is None:
        return None
    if set(record) != {"field", "order"} or record["order"] not in ("ASCENDING", "DESCENDING"):
        raise field_invalid("sortBy", "ERROR :: /sortBy :: field and order are both needed")
    name = record["field"]
    if not isinstance(name, str) or name not in _SORTABLE:
        raise field_invalid("sortBy/field", f"ERROR :: /field :: {name} is not an enum symbol")
    column, sign = _SORTABLE[name], -1 if record["order"] == "DESCENDING" else 1
    return lambda row: sign * row.figures[column]


def served(name: str, figures: Figures, currency: str) -> int | str:
    """Give a metric by LinkedIn's name, as it is printed."""
    return figures[_COLUMNS[name]] if name in _COLUMNS else _DERIVED[name](figures, currency)


def printed_rows(
    present: Present, totals: DayTotals, query: AnalyticsQuery, fields: list[str],
    accounts: Sequence[AccountPlan], order: Callable[[Row], int] | None = None,
) -> list[str]:  # fmt: skip
    """Give the elements as JSON texts, cut at 15,000 without notice."""
    found = rows(present, totals, query, accounts)
    if order is not None:
        found = iter(sorted(found, key=order))
    currency = accounts[0].currency if accounts else "USD"
    printer = _MemberPrinter(fields, currency) if query.asks_members else _Printer(fields, currency)
    return list(islice(filter(None, map(printer.element, found)), MAX_ROWS))


class _Printer:
    """Prints rows through one template, several times faster than json.dumps on dictionaries."""

    def __init__(self, fields: list[str], currency: str) -> None:
        self.currency = currency
        self.metrics = [name for name in fields if name not in _KEYS]
        self.keys = [name for name in fields if name in _KEYS]
        self.derived = [_DERIVED[name] for name in self.metrics if name not in _COLUMNS]
        places = iter(range(len(NOTHING), len(NOTHING) + len(self.derived)))
        self._picked = [_COLUMNS[name] if name in _COLUMNS else next(places) for name in self.metrics]
        self._pick = itemgetter(*self._picked, IMPRESSIONS, IMPRESSIONS)
        quoted = ['"%s"' if name in _DECIMALS else "%d" for name in self.metrics]
        self._template = ",".join(f'"{name}":{value}' for name, value in zip(self.metrics, quoted, strict=True))
        self._never_empty = not self.metrics or "impressions" in self.metrics
        self._dates: dict[tuple[date, date], str] = {}

    def element(self, row: Row) -> str | None:
        """Give one element, or None where every metric asked is zero: LinkedIn then has no row."""
        figures = row.figures
        extended = figures + tuple([derive(figures, self.currency) for derive in self.derived])
        picked = self._pick(extended)[:-2]
        if not self._never_empty and not any(value not in (0, "0.0") for value in picked):
            return None
        parts = [self._key(name, row) for name in self.keys]
        if picked:
            parts.append(self._template % picked)
        return "{" + ",".join(parts) + "}"

    def _key(self, name: str, row: Row) -> str:
        if name == "pivotValues":
            values = '","'.join(row.values)
            return f'"pivotValues":["{values}"]'
        days = (row.bucket.first_day, row.bucket.last_day)
        if days not in self._dates:
            self._dates[days] = f'"dateRange":{{"start":{_day(days[0])},"end":{_day(days[1])}}}'
        return self._dates[days]


class _MemberPrinter(_Printer):
    """Prints demographic rows, in which a count under three events is left out."""

    def element(self, row: Row) -> str | None:
        """Give one element without its too small counts."""
        printed = super().element(row)
        if printed is None:
            return None
        body = json.loads(printed)
        few = [name for name in self.metrics if name not in _DECIMALS and body[name] < FEWEST_EVENTS]
        for name in few:
            del body[name]
        return json.dumps(body, separators=(",", ":"))


def _day(day: date) -> str:
    return f'{{"year":{day.year},"month":{day.month},"day":{day.day}}}'
