"""Removing an ad account: what would be removed, and the button that does it."""

from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import person_of
from accounts.models import AdAccount
from accounts.shell.request_values import NotThere
from accounts.sign_in.second_step import confirmation
from reporting import tasks
from reporting.operations import ad_account_removal
from reporting.pages.shell import for_people, page, without_parameters


@for_people
@require_http_methods(["GET", "HEAD", "POST"])
@confirmation.confirmed
def remove_ad_account(request: HttpRequest, ad_account_id: int) -> HttpResponse:
    """Shows how many rows would be removed; typing the ad account's number removes them."""
    if not access.may_remove_ad_accounts(request.user):
        raise PermissionDenied
    without_parameters(request)
    ad_account = AdAccount.objects.filter(pk=ad_account_id).first()
    if ad_account is None:
        raise NotThere("There is no such ad account.", where="admin:accounts_adaccount_changelist")
    if request.method != "POST":
        return _ask(request, ad_account)
    if request.POST.get("number", "").strip() != str(ad_account.pk):
        trouble = f"To remove this ad account, type its number: {ad_account.pk}. Nothing was removed."
        return _ask(request, ad_account, trouble=trouble)
    with transaction.atomic():
        ad_account_removal.begin(ad_account, actor=person_of(request), now=timezone.now())
        # robust: the marked ad account shows in the list, so a broker that is down is not a failed removal.
        transaction.on_commit(partial(tasks.remove_ad_account.delay, ad_account.pk), robust=True)
    messages.success(
        request, f"You removed {ad_account}. The list below shows how far the removal of its data has come."
    )
    return redirect("admin:accounts_removedadaccount_changelist")


def _ask(request: HttpRequest, ad_account: AdAccount, *, trouble: str = "") -> HttpResponse:
    rows = ad_account_removal.rows_of(ad_account.pk)
    context = {"ad_account": ad_account, "rows": rows, "total": sum(rows.values()), "trouble": trouble}
    status = 400 if trouble else 200
    return page(request, "remove_ad_account", context, title="Remove an ad account", status=status)
