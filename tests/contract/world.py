"""Who asks the API in these tests, and what is stored when they do."""

from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from accounts import access
from accounts.api_tokens import token_store
from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion.models import AudienceDemographic
from ingestion.processes.work_requests import message_of
from ingestion.timetable.schedules import schedule_syncs
from reporting.snapshots import snapshot_store
from tests import builders

ROLES = {
    "an owner": Role.OWNER,
    "a manager": Role.MANAGER,
    "an analyst": Role.ANALYST,
    "a viewer": Role.VIEWER,
    "a viewer of nothing": Role.VIEWER,
}
ASKERS = (*ROLES, "a stranger")


@dataclass
class World:
    """Rows of everything in two ad accounts, of which one is granted to the viewer.

    `ids` holds the ids that are worth asking for, by the path or parameter that takes them. Every row of the other ad
    account names it by its id or by `secret`.
    """

    granted: AdAccount = field(default_factory=lambda: _ad_account(71_000_000_001, "Granted brand"))
    other: AdAccount = field(default_factory=lambda: _ad_account(72_000_000_002, "Secret brand"))

    def __post_init__(self) -> None:
        self.ids: dict[str, list[Any]] = {"ad_account_id": [self.granted.pk, self.other.pk]}
        for ad_account in (self.granted, self.other):
            self._fill(ad_account)
        self.ids["ad-accounts"] = self.ids["ad_account_id"]
        connection = builders.make_connection()
        self.ids["connections"] = [connection.pk]
        schedule_syncs([self.granted.pk, self.other.pk], now=timezone.now())

    def _fill(self, ad_account: AdAccount) -> None:
        """A usual row of everything, and one of which LinkedIn told nothing but the id."""
        base = ad_account.pk * 10
        usual = builders.make_campaign(id=base, account=ad_account, name=f"{ad_account.name}: campaign")
        bare = builders.make_campaign(id=base + 1, account=ad_account, **dict.fromkeys(_MAY_BE_MISSING))
        creatives = [
            builders.make_creative(id=f"urn:li:sponsoredCreative:{base}", campaign=usual),
            builders.make_creative(
                id=f"urn:li:sponsoredCreative:{base + 1}",
                campaign=bare,
                content_name=None,
                intended_status=None,
                is_serving=None,
                review_status=None,
            ),
        ]
        run = builders.make_sync_run(account=ad_account)
        failed = builders.make_sync_run(account=ad_account, status="failed", error_kind="access", errors="Gone.")
        rejected = builders.make_rejected_record(run=failed)
        for campaign, creative in zip((usual, bare), creatives, strict=True):
            builders.make_campaign_day(campaign=campaign)
            builders.make_creative_day(creative=creative)
        for pivot in AudienceDemographic.PivotType.values:
            builders.make_segment(account=ad_account, pivot_type=pivot)
        finding = builders.make_finding(campaign=usual)
        snapshot = snapshot_store.queue(ad_account, days=30, asked_by=builders.make_user(), now=timezone.now())
        self._know("findings", finding.pk)
        self._know("snapshots", snapshot_store.write_queued(message_of(snapshot), now=timezone.now()).pk)
        self._know("campaigns", usual.pk, bare.pk)
        self._know("campaign_id", usual.pk)
        self._know("creatives", *(one.pk for one in creatives))
        self._know("creative_id", creatives[0].pk)
        self._know("sync-logs", run.pk, failed.pk)
        self._know("run_id", failed.pk)
        self._know("rejected-records", rejected.pk)

    def _know(self, what: str, *ids: Any) -> None:
        self.ids.setdefault(what, []).extend(ids)

    def headers(self, asker: str) -> dict[str, str]:
        """A token of somebody of this role, who may be the viewer; a stranger has none."""
        if asker == "a stranger":
            return {}
        person = builders.make_user(role=ROLES[asker])
        if asker == "a viewer":
            builders.make_access(user=person, ad_account=self.granted)
        return bearer(person)

    def hidden_from(self, asker: str) -> list[str]:
        """What stands in nothing that they are told: one of these is in every row of an ad account."""
        hidden = {"a viewer": [self.other], "a viewer of nothing": [self.granted, self.other]}
        hidden["a stranger"] = hidden["a viewer of nothing"]
        return [mark for one in hidden.get(asker, []) for mark in (str(one.pk), str(one.name))]


_MAY_BE_MISSING = (
    "name",
    "status",
    "type",
    "daily_budget",
    "daily_budget_currency",
    "cost_type",
    "unit_cost",
    "objective",
)


def _ad_account(pk: int, name: str) -> AdAccount:
    return builders.make_ad_account(id=pk, name=name)


def bearer(person: User) -> dict[str, str]:
    """The header of a token that may do whatever its person may."""
    scope = "read_and_change" if access.may_change_findings(person) else "read"
    token = token_store.issue(user=person, name="Looker", scope=scope, now=timezone.now())[1]
    return {"Authorization": f"Bearer {token}"}
