"""Service accounts, for owners: programs with a role of their own."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import person_of
from accounts.admin.base import PeopleAdmin
from accounts.api_tokens import service_accounts
from accounts.models import AdAccount, ApiToken, ServiceAccount, User
from accounts.people import membership
from accounts.roles import Role
from accounts.shell import row_links
from accounts.shell.row_links import RowLink

_VIEWER_SEES = "What a viewer sees; other roles see all ad accounts. A token can name fewer."


class ServiceAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generic one at run time
    """What a service account is called and may do."""

    first_name = forms.CharField(label="Name", max_length=60, help_text="What uses it, such as “Looker Studio”.")
    role = forms.ChoiceField(choices=[(role, Role(role).label) for role in service_accounts.ROLES])
    ad_accounts = forms.ModelMultipleChoiceField(
        AdAccount.objects.order_by("name", "pk"), required=False, help_text=_VIEWER_SEES
    )
    responsible = forms.ModelChoiceField(
        User.objects.filter(is_service_account=False, is_active=True).order_by("email"),
        required=False,
        help_text="Who is warned before its tokens end; otherwise all owners.",
    )

    class Meta:
        model = ServiceAccount
        fields = ("first_name", "role", "ad_accounts", "responsible", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "ad_accounts" in self.fields:
            self.fields["ad_accounts"].initial = list(
                AdAccount.objects.filter(access__user=self.instance).values_list("pk", flat=True)
            )

    def clean_first_name(self) -> str:
        name: str = self.cleaned_data["first_name"]
        if not self.instance.pk and (trouble := service_accounts.trouble_with_name(name)):
            raise ValidationError(trouble)
        return name

    def clean(self) -> dict[str, object]:
        given = super().clean() or self.cleaned_data
        misses = given.get("role") == Role.VIEWER and "ad_accounts" in given and not given["ad_accounts"]
        if misses and AdAccount.objects.exists():
            self.add_error("ad_accounts", "Viewers see only what is granted to them; choose at least one ad account.")
        return given


@admin.register(ServiceAccount)
class ServiceAccountAdmin(PeopleAdmin[ServiceAccount]):
    form = ServiceAccountForm
    list_display = ["first_name", "role", "responsible", "valid_tokens", "is_active"]
    list_filter = ["role", "is_active"]
    list_select_related = ["responsible"]
    search_fields = ["first_name", "email"]
    ordering = ["first_name", "id"]
    conditional_fields: ClassVar[dict[str, str]] = {"ad_accounts": "role == 'viewer'"}
    change_form_outer_before_template = "admin/row_links.html"
    nothing_yet = (
        "Programs that read the API for the team, such as a BI tool, get a service account: their tokens do not end"
        " when a person leaves or changes the password."
    )

    def get_fields(self, request: HttpRequest, obj: ServiceAccount | None = None) -> list[Any]:
        fields = ["first_name", "role", "ad_accounts", "responsible"]
        return [*fields, "is_active"] if obj else fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        valid = ApiToken.objects.filter(user=OuterRef("pk"), expiry__gt=timezone.now()).order_by()
        counted = valid.values("user").annotate(count=Count("pk"))
        count = Subquery(counted.values("count"))  # type: ignore[misc]  # the plugin does not know the annotation
        return super().get_queryset(request).annotate(valid_token_count=count)

    @admin.display(description="valid tokens")
    def valid_tokens(self, account: ServiceAccount) -> int:
        return getattr(account, "valid_token_count", 0) or 0

    def save_form(self, request: HttpRequest, form: ServiceAccountForm, change: bool) -> ServiceAccount:
        """Adds one; changes are stored by `save_model`."""
        if change:
            account: ServiceAccount = super().save_form(request, form, change)
            return account
        given = form.cleaned_data
        return service_accounts.add(
            name=given["first_name"],
            role=given["role"],
            ad_accounts=given["ad_accounts"],
            responsible=given["responsible"],
            actor=person_of(request),
        )

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: ServiceAccountForm, change: bool) -> None:
        if change:
            actor = person_of(request)
            membership.save(obj, actor=actor, changed=[name for name in form.changed_data if name != "ad_accounts"])
            is_viewer = obj.role == Role.VIEWER
            service_accounts.grant(obj, form.cleaned_data["ad_accounts"] if is_viewer else [], actor=actor)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing beside the row itself: grants are stored with it."""

    def response_add(
        self, request: HttpRequest, obj: ServiceAccount, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to its first token."""
        return redirect("accounts:service_account_tokens", obj.pk)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, object],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: ServiceAccount | None = None,
    ) -> HttpResponse:
        context["row_links"] = row_links.links_of(obj, request) if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_deleted_objects(
        self, objs: Sequence[ServiceAccount] | QuerySet[ServiceAccount], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Its tokens and grants are deleted, too, which nobody may delete on their own."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[ServiceAccount]) -> list[LogEntry]:
        """The audit trail records it."""
        return []

    def delete_model(self, request: HttpRequest, obj: ServiceAccount) -> None:
        membership.remove(obj, actor=person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ServiceAccount]) -> None:
        with transaction.atomic():
            for account in queryset:
                self.delete_model(request, account)


def _tokens(account: ServiceAccount, request: HttpRequest) -> list[RowLink]:
    count = ApiToken.objects.filter(user=account).count()
    return [RowLink("API tokens", reverse("accounts:service_account_tokens", args=[account.pk]), count)]


row_links.provide(ServiceAccount, _tokens)
