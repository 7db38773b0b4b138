"""Forms of people who sign in, styled like the admin theme."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, SetPasswordMixin
from django.http import QueryDict
from django.utils import timezone
from unfold.forms import AuthenticationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.api_tokens import token_store
from accounts.models import User
from accounts.people.email_address import EmailAddressFormField
from accounts.sign_in import lock_out
from accounts.sign_in.password_hashing import turn


def _password_fields(label: str, confirmation_label: str) -> tuple[forms.CharField, forms.CharField]:
    """A new password and its confirmation."""
    fields = SetPasswordMixin.create_password_fields(label, confirmation_label)
    for field in fields:
        field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return fields


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Django's field would take similar letters for plain ones: what was typed is what is looked up."""

    error_messages: ClassVar[dict[str, str]] = {
        "invalid_login": "Address and password do not match. “Forgot your password?” sends a link for a new one.",
        "inactive": "This person is no longer active here.",
    }
    username = forms.CharField(max_length=1000, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "username"}))


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


class ForgottenPasswordForm(forms.Form):
    email = EmailAddressFormField(
        max_length=254, widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""})
    )


class KeepsTokens(forms.Form):
    """Asks which API tokens outlive the password; none does that is not chosen."""

    keep_tokens = forms.TypedMultipleChoiceField(
        label="Keep these API tokens",
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The others end now, and programs that use them are refused. Keep none if somebody else may know "
        "your password or a token.",
    )

    def offer_tokens(self, person: User) -> None:
        tokens = token_store.valid(person, now=timezone.now())
        field = self.fields["keep_tokens"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(token.pk, str(token)) for token in tokens]
        if not field.choices:
            del self.fields["keep_tokens"]

    def end_tokens(self, person: User) -> None:
        """All but those that were chosen; call it in the transaction that stores the password."""
        kept = self.cleaned_data.get("keep_tokens", [])
        token_store.end_all(person, actor=person, why="the password was changed", keep=kept)


class NewPasswordForm(KeepsTokens, SetPasswordForm):  # type: ignore[type-arg]  # Django has no generic one at run time
    new_password1, new_password2 = _password_fields("New password", "New password confirmation")
    field_order = ("new_password1", "new_password2", "keep_tokens")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.offer_tokens(user)


class OwnPasswordForm(KeepsTokens, PasswordChangeForm):
    """The old password is a secret to guess here, too."""

    old_password = forms.CharField(
        label="Old password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": ""}),
    )
    new_password1, new_password2 = _password_fields("New password", "New password confirmation")
    field_order = ("old_password", "new_password1", "new_password2", "keep_tokens")

    def __init__(self, user: User, *args: Any, address: str | None = None, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self._address = address
        self.offer_tokens(user)

    def clean_old_password(self) -> str:
        """Raises LockedOut and TooBusy, too."""
        door, account = lock_out.Door.PASSWORD, self.user.email
        lock_out.require_unlocked(door, account=account, address=self._address)
        with turn(), lock_out.attempt(door, account=account, address=self._address) as attempt:
            old: str = super().clean_old_password()
            attempt.passed = True
        return old
