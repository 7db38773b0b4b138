"""API tokens of people and service accounts: listed, issued, revoked. A token is in one response and nowhere else."""

from datetime import datetime
from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.access import may_issue_api_token, may_manage_people, person_of, visible_ad_accounts
from accounts.api_tokens import token_store
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, ApiToken, ServiceAccount, User
from accounts.people.your_account import shell
from accounts.shell.request_values import only_parameters


class _Networks(forms.CharField):
    """Networks as CIDR, separated by commas, spaces or lines."""

    def clean(self, value: object) -> list[str]:
        typed = super().clean(value)
        try:
            return [token_store.normalized_network(one) for one in typed.replace(",", " ").split()]
        except ApiTokenRefused as error:
            raise forms.ValidationError(str(error)) from None


class IssueForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text="What will use it, such as “Looker Studio”.",
        error_messages={
            "required": "Give a name, so that you recognize the token later.",
            "max_length": "Give a name of at most 100 characters.",
        },
    )
    scope = forms.ChoiceField(
        label="Scope",
        widget=UnfoldAdminSelectWidget,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a scope from the list."),
    )
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        choices=[(days, f"{days} days") for days in token_store.DAYS],
        initial=token_store.DEFAULT_DAYS,
        widget=UnfoldAdminSelectWidget,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose from the list how long it is valid."),
    )

    ad_accounts = forms.ModelMultipleChoiceField(
        label="Only these ad accounts",
        queryset=AdAccount.objects.none(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text="Choose none for all that its user sees, now and later.",
    )
    networks = _Networks(
        label="Only from these networks",
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as 203.0.113.0/24, separated by commas; empty for everywhere.",
    )

    def __init__(self, data: QueryDict | None, *, user: User) -> None:
        super().__init__(data)
        ad_accounts = self.fields["ad_accounts"]
        assert isinstance(ad_accounts, forms.ModelMultipleChoiceField)
        ad_accounts.queryset = visible_ad_accounts(user).order_by("name", "pk")
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)
        scope.choices = [choice for choice in ApiToken.Scope.choices if may_issue_api_token(user, choice[0])]


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@sensitive_variables("plain")
def api_tokens_page(request: HttpRequest) -> HttpResponse:
    """The tokens and a form for another; the response to the form is the only page that ever shows the token."""
    user = person_of(request)
    form = IssueForm(request.POST if request.method == "POST" else None, user=user)
    plain, token = "", None
    now = timezone.now()
    if form.is_bound and form.is_valid():
        token, plain = _issue(form, user=user, now=now)
        form = IssueForm(None, user=user)
    context = {
        **shell(request),
        "title": "API tokens",
        "tokens": token_store.of(user),
        "now": now,
        "form": form,
        "issued": token,
        "plain": plain,
        "me_url": urljoin(settings.SITE_URL, reverse("me")),
    }
    return render(request, "accounts/api_tokens.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@sensitive_variables("plain")
def service_account_tokens(request: HttpRequest, account_id: int) -> HttpResponse:
    """The tokens of a service account, for owners; like `api_tokens_page`."""
    owner = _owner(request)
    account = get_object_or_404(ServiceAccount, pk=account_id)
    form = IssueForm(request.POST if request.method == "POST" else None, user=account)
    plain, token = "", None
    now = timezone.now()
    if form.is_bound and form.is_valid() and account.is_active:
        token, plain = _issue(form, user=account, actor=owner, now=now)
        form = IssueForm(None, user=account)
    context = {
        **admin.site.each_context(request),
        "title": f"API tokens of {account}",
        "account": account,
        "tokens": token_store.of(account),
        "now": now,
        "form": form,
        "issued": token,
        "plain": plain,
        "me_url": urljoin(settings.SITE_URL, reverse("me")),
    }
    return render(request, "accounts/service_account_tokens.html", context)


@never_cache
@login_required
@require_POST
def revoke_service_account_token(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Revokes one token of a service account."""
    owner = _owner(request)
    account = get_object_or_404(ServiceAccount, pk=account_id)
    token = get_object_or_404(token_store.of(account), pk=token_id)
    token_store.revoke(token, actor=owner)
    messages.success(request, f"The token “{token.name}” is revoked; programs that use it are refused from now on.")
    return redirect("accounts:service_account_tokens", account.pk)


def _owner(request: HttpRequest) -> User:
    """Raises PermissionDenied for whoever does not manage people."""
    person = person_of(request)
    if not may_manage_people(person):
        raise PermissionDenied
    return person


def _issue(form: IssueForm, *, user: User, actor: User | None = None, now: datetime) -> tuple[ApiToken, str]:
    given = form.cleaned_data
    return token_store.issue(
        user=user,
        name=given["name"],
        scope=given["scope"],
        days=given["days"],
        ad_account_ids=[one.pk for one in given["ad_accounts"]] or None,
        networks=given["networks"],
        actor=actor,
        now=now,
    )


@never_cache
@login_required
@require_POST
def revoke_api_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revokes one of the person's own tokens."""
    user = person_of(request)
    token = get_object_or_404(token_store.of(user), pk=token_id)
    token_store.revoke(token, actor=user)
    messages.success(request, f"The token “{token.name}” is revoked; programs that use it are refused from now on.")
    return redirect("accounts:api_tokens")
