"""Everybody's API tokens, for owners to list and revoke."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import access
from accounts.api_tokens import token_store
from accounts.models import ApiToken
from accounts.shell.admin_base import ReadOnlyAdmin
from accounts.shell.admin_filters import RowFilter


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin[ApiToken]):
    list_display = ["user", "name", "token_key", "scope", "created", "expiry", "last_used_at"]
    list_filter = ["scope", ("user", RowFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email", "name", "token_key"]
    ordering = ["-created", "-id"]
    fields = [
        "user", "name", "token_key", "scope", "ad_account_ids", "networks", "created", "expiry", "last_used_at",
    ]  # fmt: skip
    actions = ["revoke_selected"]
    nothing_yet = "Nobody has a token yet. People create their own: click your name below, then API tokens."

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)

    @admin.action(description="Revoke the selected tokens")
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        actor = access.person_of(request)
        with transaction.atomic():
            tokens = list(queryset.select_related("user"))
            for token in tokens:
                token_store.revoke(token, actor=actor)
        messages.success(request, f"{len(tokens)} revoked; programs that use them are refused from now on.")
