"""Nobody passes for somebody else by the spelling of an address, at any door."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from social_core.backends.linkedin import LinkedinOpenIdConnect

from accounts.errors import NotInvited
from accounts.models import FailedLogin, Invitation, User
from accounts.people import invitations
from accounts.people.email_address import normalized, normalized_or_none
from accounts.roles import Role
from accounts.sign_in import linkedin_login, lock_out, password_reset
from ingestion.management.commands import auth
from tests.builders import NOW, make_finding, make_user

ROOT = Path(__file__).resolve().parents[3]
OWNER, PASSWORD = "kris@initech.example", "correct horse battery staple"

# Spellings of another address, or of none, that some fold of letters takes for the owner's.
TRICKS = {
    "dotless i in the domain": "kris@ınitech.example",
    "dotless i before the @": "krıs@initech.example",
    "capital I with dot": "krİs@initech.example",
    "long s": "kriſ@initech.example",
    "Kelvin sign": "\u212aris@initech.example",
    "long s in the domain": "kris@initech.example".replace("initech", "initeſch"),
    "combining dot": "kri\u0307s@initech.example",
    "full-width letter": "ｋris@initech.example",
    "full-width domain": "kris@ｉnitech.example",
    "full-width at sign": "kris＠initech.example",
    "ideographic full stop": "kris@initech。example",
    "zero-width space": "kris\u200b@initech.example",
    "zero-width joiner in the domain": "kris@init\u200dech.example",
    "soft hyphen": "kri\u00ads@initech.example",
    "no-break space": "kris\u00a0@initech.example",
    "variation selector": "kris\ufe0f@initech.example",
    "NUL": "kris\0@initech.example",
    "trailing dot": "kris@initech.example.",
    "trailing dot before the @": "kris.@initech.example",
    "two dots": "kris@initech..example",
    "quoted": '"kris"@initech.example',
    "quoted space": '"kr is"@initech.example',
    "comment": "kris(owner)@initech.example",
    "address literal": "kris@[192.0.2.1]",
    "angle brackets": "<kris@initech.example>",
    "two at signs": "kris@initech.example@initech.example",
    "second line": "kris@initech.example\nbcc: eve@example.com",
    "plus tag": "kris+owner@initech.example",
    "dot in between": "k.ris@initech.example",
    "other host": "kris@mail.initech.example",
    "homograph": "kris@initесh.example",
    "its A-label": "kris@xn--nitech-o9a.example",
    "ligature": "krﬁs@initech.example",
}


@pytest.fixture
def kris(db: None) -> User:
    return make_user(email=OWNER, role=Role.OWNER, password=PASSWORD)


# --- The form ---


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("Kris@Initech.Example", OWNER),
        (" kris@initech.example\n", OWNER),
        ("kris+ads@initech.example", "kris+ads@initech.example"),
        ("k.ris@initech.example", "k.ris@initech.example"),
        ("o'neill_1@initech.example", "o'neill_1@initech.example"),
        ("kris@bücher.example", "kris@xn--bcher-kva.example"),
        ("kris@xn--bcher-kva.example", "kris@xn--bcher-kva.example"),
        ("kris@straße.example", "kris@xn--strae-oqa.example"),
        ("kris@ınitech.example", "kris@xn--nitech-o9a.example"),
    ],
)
def test_the_form_of_an_address(typed: str, form: str) -> None:
    assert normalized(typed) == form
    assert normalized(form) == form


@pytest.mark.parametrize(
    "text",
    ["", "@", "kris", "kris@", "@initech.example", "kris@localhost", "kris@-x.example", "kris@a_b.example",
     "kris@xn--zzzzzz.example", "kris@Kelvin.example".replace("K", "\u212a"), "a" * 65 + "@x.example",
     "kris@" + "a" * 64 + ".example", "kris@" + ".".join(["a" * 60] * 5)],
)  # fmt: skip
def test_what_has_no_such_form_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        normalized(text)
    assert normalized_or_none(text) is None


@given(st.text(max_size=40))
def test_whatever_is_typed_is_refused_or_plain(text: str) -> None:
    """No letter outside ASCII is ever converted into one of it before the @, and nothing is folded but ASCII's case."""
    for typed in (text, f"{text}@initech.example", f"kris@{text}.example"):
        form = normalized_or_none(typed)
        if form is None:
            continue
        assert re.fullmatch(r"[\x21-\x7e]+", form)
        assert form == form.lower() == normalized(form)
        if typed.isascii():
            assert form == typed.strip().lower()
        else:
            assert "xn--" in form


@given(st.data())
def test_one_letter_changed_is_another_person(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(OWNER) - 1))
    letter = data.draw(st.characters())
    typed = OWNER[:at] + letter + OWNER[at + 1 :]
    if letter.isascii() and letter.lower() == OWNER[at]:
        assert normalized(typed) == OWNER
    elif at not in {0, len(OWNER) - 1} or not letter.isspace():
        assert normalized_or_none(typed) != OWNER


# --- The doors ---


def finds_by_password(text: str) -> bool:
    return bool(Client().post("/admin/login/", {"username": text, "password": PASSWORD}).status_code == 302)


def finds_by_linkedin(text: str) -> bool:
    claims = {"email": text, "email_verified": True}
    try:
        found = linkedin_login.person_behind(LinkedinOpenIdConnect(), {}, claims)
    except linkedin_login.Refused:
        return False
    return bool(found["user"] == User.objects.get(email=OWNER))


def finds_by_reset(text: str) -> bool:
    return bool(User.objects.with_email(text))


def finds_by_natural_key(text: str) -> bool:
    return User.objects.filter(email=OWNER).exists() and _exists(lambda: User.objects.get_by_natural_key(text))


def finds_by_command(text: str) -> bool:
    try:
        return auth._person(text) is not None
    except CommandError:
        return False


def finds_by_assignment(text: str) -> bool:
    browser = Client()
    browser.force_login(User.objects.get(email=OWNER), "accounts.sign_in.password_backend.PasswordBackend")
    finding = make_finding()
    body = {"assignee": text}
    return bool(
        browser.post(f"/api/v1/findings/{finding.pk}/assign", body, content_type="application/json").status_code == 200
    )


def finds_by_assignee_filter(text: str) -> bool:
    browser = Client()
    browser.force_login(User.objects.get(email=OWNER), "accounts.sign_in.password_backend.PasswordBackend")
    return bool(browser.get("/api/v1/findings", {"assignee": text}).status_code == 200)


def finds_by_invitation(text: str) -> bool:
    """Whether it takes the invited address for one that is here already."""
    return invitations.trouble_with_inviting(text, now=NOW) is not None


def _exists(look_up: Callable[[], User]) -> bool:
    try:
        look_up()
    except User.DoesNotExist:
        return False
    return True


DOORS = [value for name, value in sorted(vars().items()) if name.startswith("finds_by_")]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_door_finds_the_person_in_any_case_and_by_no_trick(kris: User, door: Callable[[str], bool]) -> None:
    assert door("Kris@INITECH.example")
    for trick, text in TRICKS.items():
        FailedLogin.objects.all().delete()
        assert not door(text), trick


def test_a_verified_address_with_a_dotless_i_is_a_stranger(kris: User) -> None:
    with pytest.raises(linkedin_login.Refused) as refused:
        linkedin_login.person_behind(
            LinkedinOpenIdConnect(), {}, {"email": "kris@ınitech.example", "email_verified": True}
        )
    assert "xn--nitech-o9a.example has no account here" in refused.value.sentence


def test_no_trick_gets_a_link_for_a_new_password(kris: User, mailoutbox: list[Any]) -> None:
    for text in TRICKS.values():
        password_reset.send_link(text)
    assert mailoutbox == []


def test_spellings_are_counted_together_by_the_lock_out(kris: User) -> None:
    for text in ("kris@initech.example", "KRIS@initech.example", " kris@Initech.example", "kriS@initech.example "):
        with lock_out.attempt(lock_out.Door.PASSWORD, account=text, address="10.0.0.1"):
            pass
    assert FailedLogin.objects.get(account=OWNER, network="10.0.0.1").failures == 4


def test_the_form_for_people_keeps_the_one_form(as_alice: Client, bob: User) -> None:
    page = f"/admin/accounts/user/{bob.pk}/change/"
    assert as_alice.post(page, {"email": "Bob2@Example.COM", "role": "viewer", "is_active": "on"}).status_code == 302
    bob.refresh_from_db()
    assert bob.email == "bob2@example.com"
    for trick in ("böb@example.com", "ｂob2@example.com", '"bob"@example.com'):
        response = as_alice.post(page, {"email": trick, "role": "viewer", "is_active": "on"})
        assert "with plain letters before the @" in response.content.decode()
    bob.refresh_from_db()
    assert bob.email == "bob2@example.com"


def test_an_invitation_keeps_the_one_form(as_alice: Client, alice: User) -> None:
    invitation, _ = invitations.invite(email="Dora@Example.com", role=Role.OWNER, actor=alice, now=NOW)
    assert invitation.email == "dora@example.com"
    with pytest.raises(NotInvited):
        invitations.invite(email="DORA@example.com", role=Role.OWNER, actor=alice, now=NOW)
    assert invitations.open_invitation("DORA@example.com", now=NOW) == invitation
    assert invitations.open_invitation("dorä@example.com", now=NOW) is None


# --- The database ---


@pytest.mark.parametrize("text", ["Kris@initech.example", "krıs@initech.example", "kris@ınitech.example", "kris", ""])
def test_postgresql_takes_nothing_but_the_form(kris: User, text: str) -> None:
    with pytest.raises(IntegrityError, match="an_email_of_a_person_is_in_its_one_form"), transaction.atomic():
        User.objects.filter(pk=kris.pk).update(email=text)
    Invitation.objects.create(
        email="dora@example.com", created_at=NOW, expires_at=NOW + timedelta(days=7), token_digest="0" * 64
    )
    with pytest.raises(IntegrityError, match="an_invited_email_is_in_its_one_form"), transaction.atomic():
        Invitation.objects.update(email=text)


def test_every_address_that_python_lets_through_postgresql_takes(kris: User) -> None:
    for text in ["a!#$%&'*+/=?^_`{|}~-b@x-1.example", "0@0.example", *TRICKS.values()]:
        if form := normalized_or_none(text):
            with transaction.atomic():
                User.objects.filter(pk=kris.pk).update(email=form)


def test_one_address_is_one_person(kris: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("KRIS@initech.example")


def test_what_postgresql_itself_would_fold(db: None) -> None:
    """Why nothing is compared without regard to case: this is how a stranger became an owner."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT upper('ı'), upper('ı') = upper('i')")
        assert cursor.fetchone() == ("I", True)


# --- The source ---

# Look-ups in text that is not a person: names of ads, and what Django's admin logged, with the letters of ASCII folded.
_OTHERS = {
    "reporting/api/filters.py": {"__icontains", "icontains"},
    "accounts/people/membership.py": {"Lower("},
}
_FOLDS = re.compile(r"\b\w*(?:iexact|icontains|istartswith|iendswith|iregex)\b|\b(?:Lower|Upper)\(")


@pytest.mark.parametrize("room", ["accounts", "ingestion", "reporting", "config"])
def test_no_look_up_folds_letters(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        name = str(path.relative_to(ROOT))
        if "/migrations/" in name:
            continue
        found = set(_FOLDS.findall(path.read_text()))
        assert not found - _OTHERS.get(name, set()), f"{name} compares text without regard to case"


def test_people_are_looked_up_by_text_in_one_place_only() -> None:
    """`UserManager` finds a person by e-mail address, `assignees()` narrows that; nobody else filters by it."""
    places = {
        str(path.relative_to(ROOT))
        for room in ("accounts", "ingestion", "reporting", "config")
        for path in (ROOT / room).rglob("*.py")
        if "/migrations/" not in str(path)
        and re.search(r"\b(?:filter|get|exclude)\([^)\n]*\bemail(?:__\w+)?=", path.read_text())
    }
    assert places == {
        "accounts/models/user.py",
        "accounts/api_tokens/service_accounts.py",
        "accounts/people/invitations.py",
        "accounts/people/membership.py",
        "ingestion/demo/journey.py",
        "reporting/api/findings.py",
    }
