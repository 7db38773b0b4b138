"""The sync page: runs and their results; start, cancel and retry syncs."""

from datetime import date, datetime
from typing import Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import person_of
from accounts.models import AdAccount
from accounts.shell import formatting
from accounts.shell.request_values import (
    BadValue,
    NotThere,
    check_names,
    day,
    one_of,
    page_number,
    row_id,
    values_of,
)
from ingestion.models import SyncLog
from ingestion.timetable import sync_requests
from ingestion.timetable.expected_sync import expected_syncs
from ingestion.timetable.sync_requests import RequestedSync
from reporting.pages.shell import for_people, page, part, require_ad_account, wants_part, without_parameters
from reporting.queries import runs as run_queries

# The parameters of the list, and how each is read.
_PARAMETERS: Final = {"page": page_number, "ad_account": row_id, "status": one_of(SyncLog.Status.values)}


# In the same words whether it does not exist or is somebody else's.
_NOT_THERE: Final = "There is no such ad account, or it is not shared with you; choose from the list."


class DayField(forms.DateField):
    """A day as every address writes it."""

    def to_python(self, value: str | datetime | date | None) -> date | None:
        if not isinstance(value, str) or not value:
            return super().to_python(value)
        try:
            return day(value)
        except BadValue as error:
            raise forms.ValidationError(str(error)) from None


class AdAccountsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Ad accounts by name; those that no sync is expected of say why."""

    reasons: dict[int, str]

    def offer(self, ad_accounts: QuerySet[AdAccount]) -> None:
        self.queryset = ad_accounts
        expected = expected_syncs(list(ad_accounts.values_list("pk", flat=True)), now=timezone.now())
        self.reasons = {pk: one.reason.rstrip(".") for pk, one in expected.items() if not one.is_expected}

    def label_from_instance(self, ad_account: Model) -> str:
        reason = self.reasons.get(ad_account.pk)
        return f"{ad_account} – {reason}" if reason else str(ad_account)


class StartSyncForm(forms.Form):
    """Which ad accounts, which days, and whether to sync fresh data again."""

    ad_accounts = AdAccountsField(
        AdAccount.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one ad account.",
            "invalid_list": "Choose ad accounts from the list.",
            "invalid_choice": _NOT_THERE,
            "invalid_pk_value": _NOT_THERE,
        },
    )
    first_day = DayField(required=False, widget=forms.DateInput({"type": "date"}))
    last_day = DayField(required=False, widget=forms.DateInput({"type": "date"}))
    force = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None, *, ad_accounts: QuerySet[AdAccount], today: date) -> None:
        super().__init__(data)
        self._today = today
        choice = self.fields["ad_accounts"]
        assert isinstance(choice, AdAccountsField)
        choice.offer(ad_accounts)

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        try:
            sync_requests.check_days(values.get("first_day"), values.get("last_day"), today=self._today)
        except sync_requests.WrongDays as error:
            self.add_error(error.which, str(error))
        return values


@for_people
@require_GET
def sync(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, refreshed while one is in progress; with the form to start more."""
    context = _runs(request, request.GET)
    if wants_part(request):
        return part(request, "runs", context)
    form = _form(request) if access.may_sync_anything(request.user) else None
    return _page(request, context, form)


@for_people
@require_http_methods(["GET", "POST"])
def plan(request: HttpRequest) -> HttpResponse:
    """What the chosen syncs would request from LinkedIn, and the button that starts them; a link may choose them."""
    check_names(request.GET, StartSyncForm.base_fields)
    form = _form(request, request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _page(request, _runs(request, QueryDict()), form, status=400)
    chosen = form.cleaned_data
    ids = [one.pk for one in chosen["ad_accounts"]]
    plans = sync_requests.plan_syncs(
        ids, first_day=chosen["first_day"], last_day=chosen["last_day"], now=timezone.now()
    )
    names = {one.pk: str(one) for one in chosen["ad_accounts"]}
    context = {
        "form": form,
        "plans": [(names[one.ad_account_id], one) for one in plans],
        "calls": sum(one.total_calls for one in plans),
        "rows": sum(one.total_rows for one in plans),
        "seconds": sum(one.seconds for one in plans),
        "all_known": all(one.entities_known for one in plans),
    }
    return page(request, "sync_plan", context, title="Sync plan")


@for_people
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Queue the chosen syncs and say what happened to each."""
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, _runs(request, request.GET), form, status=400)
    chosen = form.cleaned_data
    asked = sync_requests.start_syncs(
        [one.pk for one in chosen["ad_accounts"]],
        requested_by=person_of(request),
        force=chosen["force"],
        first_day=chosen["first_day"],
        last_day=chosen["last_day"],
        now=timezone.now(),
    )
    _report(request, asked, names={one.pk: str(one) for one in chosen["ad_accounts"]})
    return redirect("reporting:sync")


@for_people
@require_GET
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: its progress, then its results and rejected records."""
    without_parameters(request)
    ad_accounts = access.visible_ad_accounts(request.user)
    line = run_queries.run(
        ad_accounts,
        run_id,
        with_discoveries=access.sees_every_ad_account(request.user),
        names_people=access.sees_colleagues(request.user),
    )
    if line is None:
        raise NotThere("There is no such sync run, or you may not see it.", where="reporting:sync")
    context = {
        "run": line,
        "rejected": run_queries.rejected_records(ad_accounts, run_id),
        "may_act": line.ad_account_id is not None and access.may_sync(request.user, line.ad_account_id),
    }
    if wants_part(request):
        return part(request, "run", context)
    return page(request, "sync_run", context, title=f"Sync of {line.ad_account}")


@for_people
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Cancel a queued or running sync, or the next try of a failed one."""
    run = _own_run(request, run_id)
    if not sync_requests.cancel(run, requested_by=person_of(request), now=timezone.now()):
        messages.info(request, "This sync has already ended.")
    elif run.status in SyncLog.UNFINISHED:
        messages.success(request, "You cancelled this sync. It ends after its current request; stored data is kept.")
    else:
        messages.success(request, "You cancelled the next try; stored data is kept.")
    return redirect("reporting:run", run_id=run_id)


@for_people
@require_POST
def retry(request: HttpRequest, run_id: int) -> HttpResponse:
    """Sync the days of a run again."""
    run = _own_run(request, run_id)
    asked = sync_requests.retry(run, requested_by=person_of(request), now=timezone.now())
    _report(request, [asked], names={asked.ad_account_id: str(run.account)})
    now_shown = asked.run or asked.running or run
    return redirect("reporting:run", run_id=now_shown.pk)


def _runs(request: HttpRequest, narrowed_by: QueryDict) -> dict[str, object]:
    """One page of the runs."""
    chosen = values_of(narrowed_by, _PARAMETERS)
    require_ad_account(request, chosen["ad_account"])
    runs = run_queries.runs(
        access.visible_ad_accounts(request.user),
        with_discoveries=access.sees_every_ad_account(request.user),
        names_people=access.sees_colleagues(request.user),
        status=chosen["status"],
        ad_account_id=int(chosen["ad_account"]) if chosen["ad_account"] else None,
        page=int(chosen["page"] or 1),
    )
    return {
        "runs": runs,
        "has_unfinished": any(line.is_unfinished for line in runs.lines),
        "chosen": chosen,
    }


def _form(request: HttpRequest, data: QueryDict | None = None) -> StartSyncForm:
    if not access.may_sync_anything(request.user):
        raise PermissionDenied("Your role may not start syncs; ask an owner or a manager.")
    return StartSyncForm(
        data,
        ad_accounts=access.visible_ad_accounts(request.user),
        today=timezone.now().date(),
    )


def _page(
    request: HttpRequest, runs: dict[str, object], form: StartSyncForm | None, *, status: int = 200
) -> HttpResponse:
    context = {
        **runs,
        "form": form,
        "may_start": form is not None,
        "statuses": SyncLog.Status.choices,
        "ad_accounts": access.visible_ad_accounts(request.user),
    }
    return page(request, "sync", context, title="Sync", status=status)


def _report(request: HttpRequest, asked: list[RequestedSync], *, names: dict[int, str]) -> None:
    """One message for all queued syncs, and one for each that was not queued."""
    queued = [one for one in asked if one.run]
    if queued:
        what = names[queued[0].ad_account_id] if len(queued) == 1 else f"{len(queued):,} ad accounts"
        # It stays on the page while the sync runs and after it: the list says what has become of it.
        messages.success(request, f"You requested a sync of {what}. The list below shows its progress.")
    for one in asked:
        if not one.run:
            sentence = f"{names[one.ad_account_id]} was not queued: {one.reason}.".replace("..", ".")
            messages.info(request, formatting.with_days(sentence))


def _own_run(request: HttpRequest, run_id: int) -> SyncLog:
    visible = access.visible_ad_accounts(request.user)
    found = SyncLog.objects.select_related("account").filter(pk=run_id, account__in=visible).first()
    if found is None:
        raise NotThere("There is no such sync run, or you may not see it.", where="reporting:sync")
    return found
