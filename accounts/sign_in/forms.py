"""Forms of people who sign in, in the dress of the admin theme."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm, SetPasswordMixin
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.models import User


def _password_widget() -> forms.Widget:
    widget: forms.Widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return widget


class JoinForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]
    """Name and password of somebody who was invited."""

    first_name = forms.CharField(
        max_length=150, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        max_length=150, required=False, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "family-name"})
    )
    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email
        for name in ("password1", "password2"):
            self.fields[name].widget = _password_widget()

    def clean(self) -> dict[str, Any]:
        self.validate_passwords()
        given = self.cleaned_data
        names = {name: given.get(name, "") for name in ("first_name", "last_name")}
        self.validate_password_for_user(User(email=self._email, **names))
        return given


class ForgottenPasswordForm(PasswordResetForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget = UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""})

    def save(self, **kwargs: Any) -> None:  # type: ignore[override]  # by name, as Django's view calls it
        """The link leads to this service's own address, whatever host the request named."""
        site = urlsplit(settings.SITE_URL)
        super().save(**kwargs | {"domain_override": site.netloc, "use_https": site.scheme == "https"})


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # Django has no generic one at run time
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = _password_widget()
