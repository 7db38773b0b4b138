"""Refuses passwords that are easy to guess: common and breached ones, and what is made of them.

zxcvbn brings lists of passwords from breaches, of names and of words, and sees through `P4ssw0rd!`, keyboard rows,
years and repetitions. Django's list of 20,000 common ones has a validator of its own in the settings.
"""

from typing import Final

from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from accounts.models import User

# Of 4: more than 10^10 guesses, which takes whoever has the hashes weeks on a machine of their own.
_ENOUGH: Final = 4
# Longer ones take zxcvbn seconds; what begins like this is as strong as its beginning, at least.
_LOOKED_AT: Final = 32
_NAMES_OF_THIS_PRODUCT: Final = ("linkedin", "ads", "action", "center")


class GuessablePasswordValidator:
    """A password validator of Django's."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError, with what makes it easy to guess."""
        if not password:
            return
        found = zxcvbn(password[:_LOOKED_AT], user_inputs=[*_NAMES_OF_THIS_PRODUCT, *_words_about(user)])
        if found["score"] < _ENOUGH:
            why = found["feedback"]["warning"] or "it is made of what guessers try first."
            raise ValidationError(
                f"This password is easy to guess: {why[0].lower()}{why[1:].rstrip('.')}. Use a few words that have "
                "nothing to do with each other.",
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return "Common passwords, those from breaches and variations of them are refused."


def _words_about(user: User | None) -> list[str]:
    if user is None:
        return []
    parts = user.email.replace("@", ".").split(".")
    return [part for part in (user.email, *parts, user.first_name, user.last_name) if part]
