"""A refresh token that died: said once, LinkedIn left alone, the others go on, and a new consent heals it all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from celery import current_app
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, ConsentWarning, LinkedInConnection, User
from accounts.roles import Role
from accounts.tasks import warn_of_ending_consents
from ingestion import tasks
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import SyncLog
from tests.builders import make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def linkedin(settings: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedLinkedIn]:
    """The first ad account is read by Alice alone, member 1; the second by a manager, member 2."""
    monkeypatch.setitem(current_app.conf, "task_always_eager", True)
    size = WorldSize(ad_accounts=3, campaigns_per_account=2, members=2)
    with simulated_linkedin(settings, Options(size=size, auto_consent=True)) as linkedin:
        first, _, others = [linkedin.simulator.world.account(index).id for index in range(3)]
        linkedin.simulator.change("lose_role", ad_account=first, member=2)
        linkedin.simulator.change("lose_role", ad_account=others, member=1)
        linkedin.connect(member=2, user=make_user(role=Role.MANAGER))
        linkedin.connect(member=1, user=alice)
        # A 401 to a brand-new token means to wait, not to renew it.
        LinkedInConnection.objects.update(connected_at=timezone.now() - timedelta(days=1))
        yield linkedin


def statuses(ad_account_id: int) -> list[tuple[str, str | None]]:
    runs = SyncLog.objects.filter(account=ad_account_id).order_by("pk")
    return list(runs.values_list("status", "error_kind"))


def test_a_dead_refresh_token_is_said_once_and_healed_by_a_new_consent_alone(
    linkedin: SimulatedLinkedIn, alice: User, as_alice: Client, mailoutbox: list[EmailMessage]
) -> None:
    mailoutbox.clear()
    mine = linkedin.ad_account_ids[0]
    others = linkedin.simulator.world.account(2).id
    linkedin.simulator.tokens.revoke_member(0)
    tasks.sync_ad_account(mine)
    hers = LinkedInConnection.objects.get(user=alice)
    assert hers.state == "needs_consent"
    assert linkedin.simulator.counters.counted()["statuses"]["accessToken"] == {"400": 1}

    for _ in range(2):
        warn_of_ending_consents()
    assert [message.subject for message in mailoutbox] == ["LinkedIn needs a new consent"]

    linkedin.forget_calls()
    for _ in range(2):
        tasks.sync_ad_account(mine)
    assert linkedin.simulator.counters.counted()["total"] == 0
    tasks.sync_ad_account(others)
    assert statuses(others) == [("success", None)]

    _consent(as_alice)
    hers.refresh_from_db()
    assert (hers.state, hers.trouble) == ("active", None)
    assert statuses(mine)[-1] == ("success", None), "the new consent's discovery syncs what waited"
    warn_of_ending_consents()
    assert ConsentWarning.objects.filter(sent_at__lte=timezone.now()).count() == 1
    assert [message.subject for message in mailoutbox] == [
        "LinkedIn needs a new consent", "LinkedIn connected: LinkedIn Ads Action Center",
    ]  # fmt: skip


def test_the_member_who_consented_is_kept_and_another_one_is_recorded(linkedin: SimulatedLinkedIn, alice: User) -> None:
    hers = LinkedInConnection.objects.get(user=alice)
    urn = hers.member_urn
    assert urn
    assert urn.startswith("urn:li:person:")
    linkedin.discover()
    linkedin.connect(member=2, user=alice)
    hers.refresh_from_db()
    assert hers.member_urn not in {None, urn}
    assert _members_recorded() == [(hers.pk, urn, hers.member_urn)]


def _members_recorded() -> list[tuple[int, str, str]]:
    events = AuditEvent.objects.filter(kind="consent_given_by_another_member")
    return [(one.detail["connection_id"], one.detail["earlier_member_urn"], one.detail["member_urn"]) for one in events]


def _consent(browser: Client) -> None:
    """The page, LinkedIn's consent page (which agrees by itself) and the way back."""
    page = browser.post("/linkedin/connect/")["Location"]
    back = requests.get(page, allow_redirects=False, timeout=10).headers["Location"]
    answer = browser.get("/linkedin/callback/", dict(parse_qsl(urlsplit(back).query)))
    assert answer.status_code == 302, answer.content
