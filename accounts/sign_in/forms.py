"""Forms of people who sign in, styled like the admin theme."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm, SetPasswordMixin
from django.http import QueryDict
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.models import User


def _password_fields(label: str, confirmation_label: str) -> tuple[forms.CharField, forms.CharField]:
    """A new password and its confirmation."""
    fields = SetPasswordMixin.create_password_fields(label, confirmation_label)
    for field in fields:
        field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return fields


class JoinForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]
    """Name and password of an invited person."""

    first_name = forms.CharField(
        max_length=150, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        max_length=150, required=False, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "family-name"})
    )
    password1, password2 = _password_fields("Password", "Password confirmation")

    def __init__(self, data: QueryDict | None, *, email: str) -> None:
        super().__init__(data)
        self._email = email

    def clean(self) -> dict[str, object]:
        self.validate_passwords()
        given = self.cleaned_data
        names = {name: given.get(name, "") for name in ("first_name", "last_name")}
        self.validate_password_for_user(User(email=self._email, **names))
        return given


class ForgottenPasswordForm(PasswordResetForm):
    email = forms.EmailField(
        max_length=254, widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""})
    )

    def save(self, **kwargs: Any) -> None:  # type: ignore[override]  # by name, as Django's view calls it
        """The link has this service's own address, whatever host the request named."""
        site = urlsplit(settings.SITE_URL)
        super().save(**kwargs | {"domain_override": site.netloc, "use_https": site.scheme == "https"})


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # Django has no generic one at run time
    new_password1, new_password2 = _password_fields("New password", "New password confirmation")
