"""A person's own API tokens: listed, issued, revoked. The token itself is in one response and nowhere else."""

from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.access import may_issue_api_token, person_of
from accounts.api_tokens import token_store
from accounts.models import ApiToken, User
from accounts.people.your_account import shell
from accounts.shell.request_values import only_parameters


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

    def __init__(self, data: QueryDict | None, *, user: User) -> None:
        super().__init__(data)
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
        token, plain = token_store.issue(user=user, now=now, **form.cleaned_data)
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
@require_POST
def revoke_api_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revokes one of the person's own tokens."""
    user = person_of(request)
    token = get_object_or_404(token_store.of(user), pk=token_id)
    token_store.revoke(token, actor=user)
    messages.success(request, f"The token “{token.name}” is revoked; programs that use it are refused from now on.")
    return redirect("accounts:api_tokens")
