"""The page of snapshots: the list, taking one, downloads."""

from typing import Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import person_of
from accounts.models import AdAccount
from accounts.shell.request_values import NotThere, page_number, row_id, values_of
from reporting.models import Snapshot
from reporting.pages.shell import for_people, page, part, require_ad_account, wants_part, without_parameters
from reporting.queries import snapshot_list
from reporting.snapshots import snapshot_requests
from reporting.snapshots.snapshot_requests import NoDocument

# The parameters of the list, and how each is read.
_PARAMETERS: Final = {"page": page_number, "ad_account": row_id}


_WRONG_DAYS: Final = f"Give a whole number of days from 1 to {snapshot_requests.MAX_DAYS}."


class TakeSnapshotForm(forms.Form):
    """Which ad account, and how many whole days."""

    ad_account = forms.ModelChoiceField(
        AdAccount.objects.none(),
        empty_label=None,
        error_messages={
            "invalid_choice": "There is no such ad account, or it is not shared with you; choose from the list.",
            "required": "Choose an ad account.",
        },
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=snapshot_requests.MAX_DAYS,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _WRONG_DAYS),
    )

    def __init__(self, data: QueryDict | None = None, *, ad_accounts: QuerySet[AdAccount]) -> None:
        super().__init__(data)
        self.fields["days"].initial = settings.SNAPSHOT_DAYS
        choice = self.fields["ad_account"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = ad_accounts


@for_people
@require_GET
def snapshots(request: HttpRequest) -> HttpResponse:
    """Newest first, refreshed while one is being written; with the form to take one."""
    if wants_part(request):
        return part(request, "snapshots", _list(request))
    may_take = access.may_take_snapshots(request.user)
    form = TakeSnapshotForm(ad_accounts=access.visible_ad_accounts(request.user)) if may_take else None
    return _page(request, form)


@for_people
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Request one; then show the list that includes it."""
    if not access.may_take_snapshots(request.user):
        raise PermissionDenied("Your role may not take snapshots; ask an analyst, a manager or an owner.")
    form = TakeSnapshotForm(request.POST, ad_accounts=access.visible_ad_accounts(request.user))
    if not form.is_valid():
        return _page(request, form, status=400)
    ad_account = form.cleaned_data["ad_account"]
    snapshot_requests.take(ad_account, days=form.cleaned_data["days"], asked_by=person_of(request), now=timezone.now())
    messages.success(request, f"You requested a snapshot of {ad_account}. The list below shows its progress.")
    return redirect("reporting:snapshots")


@for_people
@require_GET
def document(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """The document as a file."""
    without_parameters(request)
    found = snapshot_list.snapshot(access.visible_ad_accounts(request.user), snapshot_id)
    if found is None:
        raise NotThere("There is no such snapshot, or you may not see its ad account.", where="reporting:snapshots")
    try:
        return snapshot_requests.download(found, by=person_of(request))
    except NoDocument as error:
        messages.error(request, str(error))
        return redirect("reporting:snapshots")


def _page(request: HttpRequest, form: TakeSnapshotForm | None, *, status: int = 200) -> HttpResponse:
    context = _list(request) | {
        "form": form,
        "ad_accounts": access.visible_ad_accounts(request.user),
        "max_days": snapshot_requests.MAX_DAYS,
        "keep_days": settings.SNAPSHOT_KEEP_DAYS,
        "max_bytes": settings.SNAPSHOT_MAX_BYTES,
    }
    return page(request, "snapshots", context, title="Snapshots", status=status)


def _list(request: HttpRequest) -> dict[str, object]:
    """One page of the snapshots, narrowed by the address."""
    chosen = values_of(request.GET, _PARAMETERS)
    require_ad_account(request, chosen["ad_account"])
    shown = snapshot_list.snapshots(
        access.visible_ad_accounts(request.user),
        ad_account_id=int(chosen["ad_account"]) if chosen["ad_account"] else None,
        page=int(chosen["page"] or 1),
    )
    return {
        "shown": shown,
        "sees_colleagues": access.sees_colleagues(request.user),
        "has_unfinished": any(one.state in Snapshot.UNFINISHED for one in shown.lines),
        "chosen": chosen["ad_account"],
    }
