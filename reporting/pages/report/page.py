"""The visual report: a page whose address holds all filters, and one response per section, as JSON or CSV."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access, audit_trail
from accounts.shell.downloads import DIALECTS, PLAIN, download
from accounts.shell.request_values import NotThere
from ingestion.models import Campaign
from reporting.pages import coverage
from reporting.pages.coverage import MissingDays
from reporting.pages.report import filters as report_filters
from reporting.pages.report import section_file
from reporting.pages.report.filters import ReportFilters, ReportSelection
from reporting.pages.report.sections import NAMES, section
from reporting.pages.shell import for_people, page, part, room_for_a_download, wants_part
from reporting.periods import CUSTOM, Period
from reporting.queries import data_as_of
from reporting.queries.coverage import Coverage, selection_coverage

# Nobody scrolls through more; people with more campaigns choose ad accounts first.
_CAMPAIGNS_LISTED = 1000
_AD_ACCOUNTS_NAMED = 3
_CAMPAIGNS_NAMED = 3
_LATEST_STORED_DAYS = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class StoredDays:
    """The days with data, for a report without figures; `href` shows the latest month of them."""

    first_day: date
    last_day: date
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the figures rest on, and the plan of the sync that would fetch what is missing, if LinkedIn keeps it.

    `has_any` is whether any day of the period was ever fetched for any ad account, `compares_some` whether changes are
    shown in any currency; `until_yesterday` leads to the same report without today and the days that lie ahead.
    """

    covered: Coverage
    has_any: bool
    missing: MissingDays | None
    missing_before: MissingDays | None
    compares_some: bool
    plan: str
    includes_today: bool
    ends_ahead: bool
    until_yesterday: str


@for_people
@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """The filters, how recent the data is, and nine sections that load themselves."""
    filters = _filters(request)
    context = _head(request, filters) | {"campaigns": _campaigns(request, filters)}
    status = _status(filters)
    if wants_part(request):
        return part(request, "report_selection", context, status=status)
    ad_accounts = list(access.visible_ad_accounts(request.user).order_by("name", "pk"))
    context |= {
        "ad_accounts": ad_accounts,
        "known_currencies": sorted({one.currency for one in ad_accounts if one.currency}),
        "sections": NAMES.items(),
        "presets": report_filters.presets(),
        "steps": report_filters.steps(),
        "comparisons": report_filters.COMPARE_WITH.items(),
        "csv_query": _csv_query(request),
    }
    return page(request, "report", context, title="Visual report", status=status)


@for_people
@require_GET
def report_section(request: HttpRequest, name: str) -> HttpResponseBase:
    """The figures of one section; an error message with status 400 if the filters are invalid."""
    if name not in NAMES:
        raise NotThere(f"The report has no section “{name[:40]}”.", where="reporting:report")
    filters = _filters(request, others=["format", "dialect"])
    selection = filters.selection
    if selection is None:
        return JsonResponse({"error": " ".join(filters.errors)}, status=_status(filters))
    file_format = request.GET.get("format", "")
    if file_format not in {"", "csv"}:
        return JsonResponse({"error": f"There is no format “{file_format[:40]}”; use csv."}, status=400)
    dialect = request.GET.get("dialect", "")
    if dialect and (dialect not in DIALECTS or not file_format):
        return JsonResponse({"error": f"A CSV file has one of the dialects {', '.join(DIALECTS)}."}, status=400)
    found = section(name, selection)
    if not file_format:
        return JsonResponse(found.as_json())
    with room_for_a_download(request) as slot:
        audit_trail.record(
            "exported",
            actor=access.person_of(request),
            what=f"the section “{found.title}” of the visual report",
            filters=dict(request.GET.lists()),
        )
        period = f"{selection.period.first_day}-{selection.period.last_day}"
        spelling = DIALECTS.get(dialect, PLAIN)
        file = download(
            "csv",
            f"{name}-{period}",
            section_file.header(found, selection),
            section_file.rows(found, selection),
            dialect=spelling,
        )
        return slot.held_by(file)


def _filters(request: HttpRequest, *, others: Collection[str] = ()) -> ReportFilters:
    return report_filters.read(
        request.GET, visible=access.visible_ad_accounts(request.user), today=timezone.now().date(), others=others
    )


def _status(filters: ReportFilters) -> int:
    if filters.is_missing:
        return 404
    return 400 if filters.errors else 200


def _head(request: HttpRequest, filters: ReportFilters) -> dict[str, object]:
    """The head of the report: the period, and how recent and complete its data is."""
    context: dict[str, object] = {"filters": filters, "selection": filters.selection}
    selection = filters.selection
    if selection is None:
        return context
    today = timezone.now().date()
    names = {one.pk: one.name or str(one.pk) for one in selection.chosen.order_by("name", "pk")}
    found = _foundation(request, selection, names=names, today=today)
    through, last_over = found.covered.complete_through, min(selection.period.last_day, _yesterday(today))
    named = _campaign_names(selection)
    return context | {
        "state": data_as_of.selection_as_of(ad_accounts=selection.chosen),
        "names": list(names.values())[:_AD_ACCOUNTS_NAMED],
        "more_names": max(0, len(names) - _AD_ACCOUNTS_NAMED),
        "campaign_names": named,
        "more_campaigns": max(0, len(selection.campaign_ids or ()) - len(named)),
        "comparison": selection.period.previous_in_words() if selection.before else "",
        "foundation": found,
        "incomplete_days": data_as_of.incomplete_days(ad_accounts=selection.ad_accounts, period=selection.period),
        "ends_after_complete": through is not None and through < last_over and not found.missing,
        "currencies": [currency for currency in selection.currencies() if currency],
        "stored": _stored_elsewhere(request, selection),
        "may_sync": access.may_sync_anything(request.user),
    }


def _foundation(
    request: HttpRequest, selection: ReportSelection, *, names: Mapping[int, str], today: date
) -> Foundation:
    covered = selection_coverage(**selection.arguments())
    missing = coverage.missing_days(covered, names=names, today=today)
    missing_before, compares_some = None, False
    # Of a period that lies ahead there is nothing to compare.
    if selection.before and not selection.lies_ahead:
        before = selection_coverage(**selection.arguments() | {"period": selection.before})
        missing_before = coverage.missing_days(before, names=names, today=today)
        compares_some = any(
            one.is_whole and before.of_currency(currency).is_whole for currency, one in covered.by_currency.items()
        )
    includes_today = selection.period.first_day <= today <= selection.period.last_day
    return Foundation(
        covered=covered.together,
        has_any=coverage.has_any(covered),
        missing=missing,
        missing_before=missing_before,
        compares_some=compares_some,
        plan=coverage.plan_address(list(filter(None, (missing, missing_before))), today=today),
        includes_today=includes_today,
        ends_ahead=selection.period.last_day > today,
        until_yesterday=_until_yesterday(request) if includes_today and selection.period.first_day < today else "",
    )


def _campaign_names(selection: ReportSelection) -> list[str]:
    """The first of the chosen campaigns."""
    chosen = Campaign.objects.filter(pk__in=selection.campaign_ids or ()).order_by("name", "pk")
    return [str(one) for one in chosen[:_CAMPAIGNS_NAMED]]


def _until_yesterday(request: HttpRequest) -> str:
    """The same report, with the same comparison, without today."""
    params: QueryDict = request.GET.copy()
    params["without_today"] = "1"
    return _address(params)


def _stored_elsewhere(request: HttpRequest, selection: ReportSelection) -> StoredDays | None:
    """Where to look, if all days with activity are outside the period."""
    days = data_as_of.stored_days(ad_accounts=selection.ad_accounts, campaign_ids=selection.campaign_ids)
    if days is None:
        return None
    first_day, last_day = days
    if first_day <= selection.period.last_day and last_day >= selection.period.first_day:
        return None
    shown = Period(max(first_day, last_day - _LATEST_STORED_DAYS), last_day)
    return StoredDays(first_day, last_day, _same_report(request, shown))


def _same_report(request: HttpRequest, period: Period) -> str:
    """The address of this report for other days."""
    params: QueryDict = request.GET.copy()
    days = (("period", CUSTOM), ("first_day", str(period.first_day)), ("last_day", str(period.last_day)))
    for name, value in days:
        params[name] = value
    return _address(params)


def _address(params: QueryDict) -> str:
    return f"{reverse('reporting:report')}?{params.urlencode(safe=',')}"


def _campaigns(request: HttpRequest, filters: ReportFilters) -> dict[str, object]:
    """Those of the chosen ad accounts, by name; chosen campaigns are always listed."""
    visible = access.visible_ad_accounts(request.user)
    ad_accounts = visible.filter(pk__in=filters.ad_account_ids) if filters.ad_account_ids else visible
    campaigns = Campaign.objects.filter(account__in=ad_accounts.order_by().values("pk"))
    listed = list(campaigns.order_by("name", "pk").values("pk", "name", "status")[: _CAMPAIGNS_LISTED + 1])
    is_cut = len(listed) > _CAMPAIGNS_LISTED
    if is_cut:
        chosen = campaigns.filter(pk__in=filters.campaign_ids).values("pk", "name", "status")
        first = listed[:_CAMPAIGNS_LISTED]
        known = {one["pk"] for one in first}
        listed = [*(one for one in chosen.order_by("name", "pk") if one["pk"] not in known), *first]
    return {"listed": listed, "is_cut": is_cut, "most": _CAMPAIGNS_LISTED}


def _csv_query(request: HttpRequest) -> str:
    params: QueryDict = request.GET.copy()
    params["format"] = "csv"
    return params.urlencode(safe=",")


def _yesterday(today: date) -> date:
    return today - timedelta(days=1)
