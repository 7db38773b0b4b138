import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User

DORA = User(email="dora.quist@initech.example", first_name="Dora", last_name="Quist")


@pytest.mark.parametrize(
    "password",
    [
        "short of 12",
        "123456789012",
        "password1234",
        "P4ssw0rd!P4ssw0rd!",
        "qwertyuiopas",
        "qwertyuiop[]\\asdf",
        "iloveyouiloveyou",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "linkedinads2026",
        "LinkedIn-Ads-Center",
        "doraquist2026",
        "initech2026!",
        "football12345",
        "1qaz2wsx3edc4rfv",
        "December2026!",
        "trustno1trustno1",
    ],
)
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, DORA)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "an even longer staple of horses", "Vk3#pz9!qLw2", "größe zählt im garten nie",
     "x" * 4 + "mV9#kQ2$wL7!" * 20],
)  # fmt: skip
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    validate_password(password, DORA)


def test_the_message_says_why_and_what_to_do() -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password("iloveyouiloveyou", DORA)
    assert any("easy to guess" in sentence and "a few words" in sentence for sentence in refused.value.messages)


def test_a_very_long_password_takes_no_longer() -> None:
    """Libraries of this kind take seconds for crafted ones."""
    validate_password(" .,?!'-/_:;+()@$\"#&*<>=[]\\~%^{}|1234567890" * 50, DORA)
