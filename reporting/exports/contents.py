"""What can be exported, and what an export holds: the lists and reports of the API, and the admin's lists.

Each is asked as its person would ask it, through the view that answers them, so that an export is never more than they
see and never other rows than their own download would have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import access
from accounts.access import NotAllowed
from accounts.models import User
from accounts.shell.admin_exports import LIST, ExportsList, exact
from accounts.shell.request_values import BadValue, NotThere, or_none, row_id
from reporting.api import findings, snapshots, viewsets
from reporting.api.ad_accounts import AdAccounts
from reporting.api.demographics_report import DemographicsReportView
from reporting.api.files import Lines, Table
from reporting.api.performance_report import PerformanceReportView
from reporting.api.reports import ReportView
from reporting.api.viewsets import ListViewSet
from reporting.models import Export

Parameters = Mapping[str, Sequence[str]]
View = TypeVar("View", bound=APIView)
_Format = Export.Format
TABLES: Final[Mapping[str, type[ListViewSet]]] = {  # type: ignore[type-arg]
    "ad-accounts": AdAccounts,
    "campaigns": viewsets.Campaigns,
    "creatives": viewsets.Creatives,
    "campaign-metrics": viewsets.CampaignMetrics,
    "creative-metrics": viewsets.CreativeMetrics,
    "demographics": viewsets.Demographics,
    "findings": findings.Findings,
    "snapshots": snapshots.Snapshots,
    "sync-logs": viewsets.SyncLogs,
    "rejected-records": viewsets.RejectedRecords,
}
REPORTS: Final[Mapping[str, type[ReportView]]] = {
    "reports/performance": PerformanceReportView,
    "reports/demographics": DemographicsReportView,
}
# Formats of the admin's lists, whose rows Python writes.
LIST_FORMATS: Final = (_Format.CSV, _Format.CSV_GZ, _Format.XLSX)


class Unavailable(Exception):
    """There is nothing to export: unknown, not the person's to see, or asked wrongly; the message says which.

    `field` is what of the request is wrong.
    """

    def __init__(self, message: str, *, field: str = "of") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds, how many rows that is, and which ad accounts its reader must see; None means all."""

    rows: Table | Lines
    count: Callable[[], int | None]
    ad_account_ids: list[int] | None


class _Source(Protocol):
    def __call__(self, person: User, parameters: Parameters, *, is_flat: bool) -> Contents: ...


def formats_of(of: str) -> Sequence[str]:
    return LIST_FORMATS if of.startswith(LIST) else Export.Format.values


def read(person: User, of: str, parameters: Parameters, *, file_format: str) -> Contents:
    """The rows, not read yet. Raises Unavailable, and ValidationError for wrong parameters."""
    try:
        contents = _source(of)(person, parameters, is_flat=not file_format.startswith(_Format.NDJSON))
    except ValidationError:
        raise
    except APIException as error:
        raise Unavailable(str(error.detail), field=getattr(error, "field", "parameters")) from None
    except (BadValue, NotThere, PermissionDenied) as error:
        raise Unavailable(str(error)) from None
    return replace(contents, ad_account_ids=ad_accounts_of(person, parameters))


def ad_accounts_of(person: User, parameters: Parameters) -> list[int] | None:
    """Which ad accounts an export may hold now: None where its person sees all there are. Raises NotAllowed."""
    if access.sees_every_ad_account(person):
        return None
    if not access.may_enter(person):
        raise NotAllowed("This person may not enter any more.")
    visible = access.visible_ad_accounts(person).order_by("pk")
    texts = (one for text in parameters.get("ad_account_id", ()) for one in text.split(","))
    asked = [one for one in (or_none(row_id, text.strip()) for text in texts) if one is not None]
    return list((visible.filter(pk__in=asked) if asked else visible).values_list("pk", flat=True))


def may_read(person: User, of: str, ad_account_ids: Sequence[int] | None) -> bool:
    """Whether a person may see everything that a file holds, as of now."""
    if of.startswith(LIST) and not _list_admin(of).has_view_permission(_asked_by(person, {})):
        return False
    if access.sees_every_ad_account(person):
        return True
    if ad_account_ids is None or not access.may_enter(person):
        return False
    return access.visible_ad_accounts(person).filter(pk__in=ad_account_ids).count() == len(set(ad_account_ids))


def _source(of: str) -> _Source:
    if of.startswith(LIST):
        return _of_list(of)
    _require_known(of)
    return _of_report(REPORTS[of]) if of in REPORTS else _of_table(TABLES[of])


def _require_known(of: str) -> None:
    """Raises Unavailable."""
    if of not in TABLES and of not in REPORTS:
        raise Unavailable(f"There is no “{of[:40]}” to export; choose one of {', '.join([*TABLES, *REPORTS])}.")


def _of_table(view_class: type[ListViewSet]) -> _Source:  # type: ignore[type-arg]
    def contents(person: User, parameters: Parameters, *, is_flat: bool) -> Contents:
        view = _prepared(view_class(action="list", basename=_name_of(view_class)), person, parameters)
        # As the router does it: a view is asked which methods it has.
        setattr(view, "get", view.list)  # noqa: B010 (no attribute of its class)
        _check_permissions(view)
        rows, order = view.selection(view.request)
        return Contents(view.contents(rows, order, is_flat=is_flat), rows.order_by().count, None)

    return contents


def _of_report(view_class: type[ReportView]) -> _Source:
    def contents(person: User, parameters: Parameters, *, is_flat: bool) -> Contents:
        view = _prepared(view_class(), person, parameters)
        _check_permissions(view)
        return Contents(view.contents(view.request), lambda: None, None)

    return contents


def _of_list(of: str) -> _Source:
    def contents(person: User, parameters: Parameters, *, is_flat: bool) -> Contents:
        found, request = _list_admin(of), _asked_by(person, parameters)
        if not found.has_view_permission(request):
            raise NotAllowed("Your role may not see this list; ask an owner.")
        rows = found.get_changelist_instance(request).get_queryset(request)
        lines = map(_exact_line, found.export_rows(rows))
        return Contents(Lines(found.opts.db_table, found.export_header(), lines), rows.order_by().count, None)

    return contents


def _exact_line(line: Sequence[object]) -> list[object]:
    return list(map(exact, line))


def _list_admin(of: str) -> "ExportsList":  # type: ignore[type-arg]
    label = of.removeprefix(LIST)
    for model, one in admin.site._registry.items():
        if model._meta.label_lower == label and isinstance(one, ExportsList):
            return one
    raise Unavailable(f"There is no list “{label[:40]}”.")


def names_people(of: str) -> bool:
    """Whether its files name people. Raises Unavailable."""
    return of.startswith(LIST) and _list_admin(of).names_people


def name_of(of: str) -> str:
    """What people call it. Raises Unavailable."""
    if of.startswith(LIST):
        return str(_list_admin(of).opts.verbose_name_plural)
    _require_known(of)
    return of.replace("-", " ").replace("reports/", "report on ")


def _name_of(view_class: type[APIView]) -> str:
    return next(name for name, one in TABLES.items() if one is view_class)


def _asked_by(person: User, parameters: Parameters) -> HttpRequest:
    """A request as this person's browser would send it."""
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(urlencode(dict(parameters), doseq=True))
    request.user = person
    return request


def _prepared(view: View, person: User, parameters: Parameters) -> View:
    request = _asked_by(person, parameters)
    view.setup(request)
    view.request = Request(request)
    view.request.user = person
    return view


def _check_permissions(view: APIView) -> None:
    """As for a request. Raises APIException."""
    view.check_permissions(view.request)
