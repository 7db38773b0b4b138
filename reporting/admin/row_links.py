"""From an ad account to what this room does with it."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse

from accounts import access
from accounts.models import AdAccount
from accounts.shell.row_links import RowLink, provide


def _of_ad_account(row: AdAccount, request: HttpRequest) -> Iterator[RowLink]:
    if access.may_remove_ad_accounts(request.user):
        yield RowLink("Remove with all its data", reverse("reporting:remove_ad_account", args=[row.pk]))


provide(AdAccount, _of_ad_account)
