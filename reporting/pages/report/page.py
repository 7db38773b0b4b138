"""The visual report: a page whose address holds all filters, and one response per section, as JSON or CSV."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access, audit_trail
from accounts.shell.downloads import download
from accounts.shell.request_values import NotThere
from ingestion.models import Campaign
from reporting.pages.report import filters as report_filters
from reporting.pages.report.filters import ReportFilters, ReportSelection
from reporting.pages.report.sections import NAMES, section
from reporting.pages.shell import for_people, page, part, wants_part
from reporting.periods import Period
from reporting.queries import data_as_of

# Nobody scrolls through more; people with more campaigns choose ad accounts first.
_CAMPAIGNS_LISTED = 1000
_AD_ACCOUNTS_NAMED = 3
_LATEST_STORED_DAYS = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class StoredDays:
    """The days with data, for a report without figures; `href` shows the latest month of them."""

    first_day: date
    last_day: date
    href: str


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
    filters = _filters(request, others=["format"])
    selection = filters.selection
    if selection is None:
        return JsonResponse({"error": " ".join(filters.errors)}, status=_status(filters))
    file_format = request.GET.get("format", "")
    if file_format not in {"", "csv"}:
        return JsonResponse({"error": f"There is no format “{file_format[:40]}”; use csv."}, status=400)
    found = section(name, selection)
    if not file_format:
        return JsonResponse(found.as_json())
    audit_trail.record(
        "exported",
        actor=access.person_of(request),
        what=f"the section “{found.title}” of the visual report",
        filters=dict(request.GET.lists()),
    )
    period = f"{selection.period.first_day}-{selection.period.last_day}"
    return download("csv", f"{name}-{period}", found.csv_header(), found.csv_rows())


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
    now = timezone.now()
    state = data_as_of.selection_as_of(ad_accounts=selection.ad_accounts)
    names = [one.name or str(one.pk) for one in selection.ad_accounts.order_by("name", "pk")]
    return context | {
        "state": state,
        "names": names[:_AD_ACCOUNTS_NAMED],
        "more_names": max(0, len(names) - _AD_ACCOUNTS_NAMED),
        "incomplete_days": data_as_of.incomplete_days(ad_accounts=selection.ad_accounts, period=selection.period),
        "is_under_way": selection.period.last_day >= now.date(),
        "ends_after_complete": bool(
            state.complete_through and state.complete_through < min(selection.period.last_day, _yesterday(now.date()))
        ),
        "currencies": [currency for currency in selection.currencies() if currency],
        "stored": _stored_elsewhere(request, selection),
    }


def _stored_elsewhere(request: HttpRequest, selection: ReportSelection) -> StoredDays | None:
    """Where to look, if all stored days are outside the period."""
    days = data_as_of.stored_days(ad_accounts=selection.ad_accounts, campaign_ids=selection.campaign_ids)
    if days is None:
        return None
    first_day, last_day = days
    if first_day <= selection.period.last_day and last_day >= selection.period.first_day:
        return None
    shown = Period(max(first_day, last_day - _LATEST_STORED_DAYS), last_day)
    params: QueryDict = request.GET.copy()
    for name, value in (("period", "custom"), ("first_day", str(shown.first_day)), ("last_day", str(shown.last_day))):
        params[name] = value
    return StoredDays(first_day, last_day, f"{reverse('reporting:report')}?{params.urlencode(safe=',')}")


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
