"""The page of exports: what is being written and what is ready; asking for one, cancelling, downloads."""

from datetime import date
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from rest_framework.exceptions import ValidationError

from accounts.access import person_of
from accounts.shell.downloads import DIALECTS, MAX_DIRECT_ROWS
from accounts.shell.request_values import BadValue, NotThere, Reader, one_of, page_number, values_of
from accounts.sign_in.second_step import confirmation
from reporting.exports import contents, downloads, export_requests, export_store
from reporting.exports.contents import REPORTS, TABLES, Parameters, Unavailable
from reporting.exports.export_requests import AlreadyEnded, NoFile
from reporting.exports.export_store import MAX_WAITING_PER_PERSON, TooManyWaiting
from reporting.exports.ranged_file import NotSatisfiable
from reporting.models import Export
from reporting.pages.shell import for_people, page, part, wants_part, without_parameters
from reporting.queries import export_list

_PARAMETERS: Final = {"page": page_number}
# What a list of the admin that is too long for a download leads here with.
_NEW_PARAMETERS: Final[dict[str, Reader]] = {
    "of": str,
    "as": one_of([*Export.Format.values, *DIALECTS]),
    "filters": str,
}
_HAVE_DAYS: Final = {"campaign-metrics", "creative-metrics"}


class ExportForm(forms.Form):
    """Which list or report, for which days, and how the file is written."""

    of = forms.ChoiceField(choices=[(name, contents.name_of(name).capitalize()) for name in (*TABLES, *REPORTS)])
    first_day = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}))
    last_day = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}))
    file_format = forms.ChoiceField(
        choices=[
            *Export.Format.choices,
            ("csv:excel-comma", "CSV for Excel, with commas"),
            ("csv:excel", "CSV for Excel, with semicolons"),
        ]
    )

    def parameters(self) -> Parameters:
        """As the list or report takes them."""
        of, first_day, last_day = (self.cleaned_data[name] for name in ("of", "first_day", "last_day"))
        names = ("date_from", "date_to") if of in _HAVE_DAYS else ("first_day", "last_day")
        days = dict(zip(names, (first_day, last_day), strict=True))
        return {name: [day.isoformat()] for name, day in days.items() if day}

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        of, first_day, last_day = (values.get(name) for name in ("of", "first_day", "last_day"))
        if (first_day or last_day) and of not in _HAVE_DAYS and of not in REPORTS:
            self.add_error("first_day", "This list has no days: leave them empty.")
        elif isinstance(first_day, date) and isinstance(last_day, date) and last_day < first_day:
            self.add_error("last_day", "The last day is before the first one; swap them.")
        return values


@for_people
@require_GET
def exports(request: HttpRequest) -> HttpResponse:
    """Newest first, refreshed while one waits or is being written; with the form to ask for one."""
    if wants_part(request):
        return part(request, "exports", _list(request))
    return _page(request, ExportForm())


@for_people
@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """What would be exported, and the button that does it."""
    chosen = values_of(request.GET, _NEW_PARAMETERS)
    context = {
        "of": chosen["of"],
        "as": chosen["as"],
        "filters": chosen["filters"],
        "name": _name_of(chosen["of"]),
        "max_rows": MAX_DIRECT_ROWS,
    }
    return page(request, "new_export", context, title="Export")


@for_people
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Request one; then show the list that includes it."""
    if "filters" in request.POST:
        parameters = {name: [str(one) for one in texts] for name, texts in QueryDict(request.POST["filters"]).lists()}
        return _asked(request, request.POST.get("of", ""), parameters, request.POST.get("as", ""))
    form = ExportForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    return _asked(request, form.cleaned_data["of"], form.parameters(), form.cleaned_data["file_format"])


@for_people
@require_POST
def cancel(request: HttpRequest, export_id: int) -> HttpResponse:
    """Cancel one; then show the list."""
    try:
        export_requests.cancel(_own(request, export_id), now=timezone.now())
    except AlreadyEnded:
        messages.info(request, "This export has ended, so there is nothing to cancel.")
    else:
        messages.success(request, "The export is cancelled.")
    return redirect("reporting:exports")


@for_people
@require_GET
def file(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """The file, or the part of it that a browser continues with."""
    without_parameters(request)
    own = _own(request, export_id)
    if contents.names_people(own.of) and (asked_again := confirmation.ask_again(request)):
        return asked_again
    try:
        return downloads.download(own, by=person_of(request), method=request.method, headers=request.headers)
    except NoFile as error:
        messages.error(request, str(error))
        return redirect("reporting:exports")
    except NotSatisfiable as error:
        return HttpResponse(status=416, headers={"Content-Range": error.content_range})


def _asked(request: HttpRequest, of: str, parameters: Parameters, written_as: str) -> HttpResponse:
    file_format, dialect = _format(written_as)
    try:
        if contents.names_people(of) and (asked_again := confirmation.ask_again(request)):
            return asked_again
        export = export_requests.ask(
            person_of(request),
            of=of,
            parameters=parameters,
            file_format=file_format,
            dialect=dialect,
            now=timezone.now(),
        )
    except (Unavailable, ValidationError) as error:
        raise BadValue(f"This cannot be exported: {_sentence(error)}") from None
    except TooManyWaiting:
        messages.error(request, f"You have {MAX_WAITING_PER_PERSON} exports waiting already; cancel some of them.")
    else:
        messages.success(request, f"Export {export.pk} is queued; a worker will write it.")
    return redirect("reporting:exports")


def _format(written_as: str) -> tuple[str, str]:
    """Format and dialect, as buttons and the form send them: `xlsx`, `excel` or `csv:excel`."""
    file_format, _, dialect = written_as.partition(":")
    return (Export.Format.CSV, file_format) if file_format in DIALECTS else (file_format, dialect)


def _sentence(error: Exception) -> str:
    """The first thing that is wrong, with the name of its parameter."""
    if isinstance(error, ValidationError) and isinstance(error.detail, dict):
        name, texts = next(iter(error.detail.items()))
        return f"{name}: {texts[0] if isinstance(texts, list) else texts}"
    return str(error)


def _own(request: HttpRequest, export_id: int) -> Export:
    found = export_list.export(person_of(request), export_id)
    if found is None:
        raise NotThere("There is no such export, or it is somebody else's.", where="reporting:exports")
    return found


def _name_of(of: str) -> str:
    try:
        return contents.name_of(of)
    except Unavailable as error:
        raise BadValue(str(error)) from None


def _page(request: HttpRequest, form: ExportForm, *, status: int = 200) -> HttpResponse:
    return page(request, "exports", _list(request) | {"form": form}, title="Exports", status=status)


def _list(request: HttpRequest) -> dict[str, object]:
    shown = export_list.exports(person_of(request), page=int(values_of(request.GET, _PARAMETERS)["page"] or 1))
    return {
        "shown": shown.convert(lambda one: (one, contents.name_of(one.of), export_store.position(one))),
        "has_unfinished": any(one.state in Export.UNFINISHED for one in shown.lines),
    }
