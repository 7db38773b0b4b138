import pytest

from accounts.audit.sentences import _SENTENCES, sentence
from accounts.models import AuditEvent


@pytest.mark.parametrize("kind", AuditEvent.Kind.values)
def test_every_kind_has_a_sentence_even_without_detail(kind: str) -> None:
    text = sentence(AuditEvent(kind=kind))
    assert text[0].isupper() or text[0] == "?"
    assert "{" not in text


def test_no_sentence_is_left_of_a_kind_that_is_gone() -> None:
    assert set(_SENTENCES) == set(AuditEvent.Kind.values)


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        (
            "ad_account_granted",
            {"user_email": "bob@example.com"},
            "alice@example.com granted bob@example.com access to the ad account Brand (5)",
        ),
        ("user_changed", {"user_email": "b@x.org", "changed": ["email", "role"]}, None),
        ("login", {"ip": "203.0.113.9"}, "alice@example.com signed in from 203.0.113.9"),
    ],
)
def test_a_sentence_names_who_did_what_to_whom(kind: str, detail: dict[str, object], text: str | None) -> None:
    event = AuditEvent(kind=kind, actor_email="alice@example.com", ad_account_id=5, detail=detail)
    assert sentence(event, ad_account_name="Brand") == (text or "alice@example.com changed email, role of b@x.org")


def test_an_ad_account_that_is_gone_is_named_by_its_number() -> None:
    event = AuditEvent(kind="ad_account_granted", ad_account_id=5, detail={"user_email": "b@x.org"})
    assert sentence(event) == "The system granted b@x.org access to the ad account 5"


def test_what_has_no_person_behind_it_is_the_systems_or_a_commands() -> None:
    by_hand = AuditEvent(kind="tokens_reencrypted", detail={"connections": 2, "by": "command"})
    assert sentence(by_hand).startswith("Somebody at the command line encrypted the tokens of 2 ")
    assert sentence(AuditEvent(kind="consent_refreshed", detail={"connection_id": 7})).startswith("The system renewed")


def test_what_people_typed_is_no_format() -> None:
    event = AuditEvent(kind="login_failed", detail={"user_email": "{who.__class__}", "ip": "::1"})
    assert sentence(event) == "Somebody failed to sign in as {who.__class__} from ::1"
