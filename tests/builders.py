"""Things tests are about, valid without saying anything: `make_x(**changes)` stores one and returns it."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.consents.linkedin_oauth import TokenGrant
from accounts.models import (
    AdAccount,
    AdAccountAccess,
    LinkedInAdAccountRole,
    LinkedInConnection,
    User,
)
from accounts.roles import Role
from ingestion.models import (
    AccountDailyTotal,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    RejectedRecord,
    SyncLog,
    UrnName,
)
from ingestion.sync import coverage
from ingestion.sync.months import whole_months
from reporting.models import Finding

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 19)

_numbers = count(1)


def make_user(**changes: Any) -> User:
    """A viewer who may sign in; pass `password` to let them do so by form."""
    values: dict[str, Any] = {
        "email": f"person{next(_numbers)}@example.com",
        "role": Role.VIEWER,
        "is_staff": True,
    }
    return User.objects.create_user(**values | changes)


def make_ad_account(**changes: Any) -> AdAccount:
    number = next(_numbers)
    values = {
        "id": 500_000_000 + number,
        "name": f"Ad account {number}",
        "status": "ACTIVE",
        "currency": "EUR",
        "type": "BUSINESS",
        "is_test": False,
        "created_at": datetime(2024, 1, 1, tzinfo=UTC),
        "fetched_at": NOW,
    }
    return AdAccount.objects.create(**values | changes)


def make_grant(**changes: Any) -> TokenGrant:
    """What LinkedIn grants at a first consent; not stored."""
    values: dict[str, Any] = {
        "access_token": f"access-{next(_numbers)}",
        "expires_at": NOW + timedelta(days=60),
        "refresh_token": f"refresh-{next(_numbers)}",
        "refresh_token_expires_at": NOW + timedelta(days=365),
        "scopes": frozenset({"r_ads", "r_ads_reporting"}),
    }
    return TokenGrant(**values | changes)


def make_connection(**changes: Any) -> LinkedInConnection:
    """A living connection granted ten days before NOW."""
    number = next(_numbers)
    values = {
        "scopes": ["r_ads", "r_ads_reporting"],
        "access_token": f"access-{number}",
        "access_token_expires_at": NOW + timedelta(days=50),
        "refresh_token": f"refresh-{number}",
        "refresh_token_expires_at": NOW + timedelta(days=355),
        "connected_at": NOW - timedelta(days=10),
    }
    if "user" not in changes:
        changes["user"] = make_user(role=Role.MANAGER)
    if None in (changes.get("refresh_token", ""), changes.get("refresh_token_expires_at", "")):
        changes["refresh_token"] = changes["refresh_token_expires_at"] = None
    return LinkedInConnection.objects.create(**values | changes)


def make_role(**changes: Any) -> LinkedInAdAccountRole:
    """One connection's role on one ad account."""
    changes.setdefault("connection", None)
    changes["connection"] = changes["connection"] or make_connection()
    if "ad_account" not in changes:
        changes["ad_account"] = make_ad_account()
    return LinkedInAdAccountRole.objects.create(**{"role": "VIEWER"} | changes)


def make_access(**changes: Any) -> AdAccountAccess:
    """One ad account granted to one person."""
    if "user" not in changes:
        changes["user"] = make_user()
    if "ad_account" not in changes:
        changes["ad_account"] = make_ad_account()
    return AdAccountAccess.objects.create(**changes)


def make_campaign(**changes: Any) -> Campaign:
    number = next(_numbers)
    if "account" not in changes:
        changes["account"] = make_ad_account()
    values = {
        "id": 600_000_000 + number,
        "name": f"Campaign {number}",
        "status": "ACTIVE",
        "type": "SPONSORED_UPDATES",
        "daily_budget": Decimal("50"),
        "daily_budget_currency": "EUR",
        "cost_type": "CPC",
        "unit_cost": Decimal("4.5"),
        "objective": "WEBSITE_VISIT",
        "fetched_at": NOW,
    }
    return Campaign.objects.create(**values | changes)


def make_creative(**changes: Any) -> Creative:
    number = next(_numbers)
    if "campaign" not in changes:
        changes["campaign"] = make_campaign()
    campaign = changes["campaign"]
    values = {
        "id": f"urn:li:sponsoredCreative:{700_000_000 + number}",
        "account": campaign.account if campaign else None,
        "intended_status": "ACTIVE",
        "is_serving": True,
        "content_name": f"Creative {number}",
        "review_status": "APPROVED",
        "fetched_at": NOW,
    }
    return Creative.objects.create(**values | changes)


def _figures() -> dict[str, Any]:
    return {
        "date": DAY,
        "impressions": 1000,
        "clicks": 20,
        "spend": Decimal("50"),
        "conversions": 3,
        "leads": 2,
        "fetched_at": NOW,
    }


def make_campaign_day(**changes: Any) -> CampaignDailyMetric:
    if "campaign" not in changes:
        changes["campaign"] = make_campaign()
    return CampaignDailyMetric.objects.create(**_figures() | changes)


def make_creative_day(**changes: Any) -> CreativeDailyMetric:
    if "creative" not in changes:
        changes["creative"] = make_creative()
    return CreativeDailyMetric.objects.create(**_figures() | changes)


def make_account_day(**changes: Any) -> AccountDailyTotal:
    if "account" not in changes:
        changes["account"] = make_ad_account()
    return AccountDailyTotal.objects.create(**_figures() | changes)


def make_segment(**changes: Any) -> AudienceDemographic:
    """One segment of one pivot in one month."""
    if "account" not in changes:
        changes["account"] = make_ad_account()
    number = next(_numbers)
    values = {
        "pivot_type": AudienceDemographic.PivotType.JOB_TITLE,
        "segment": f"urn:li:title:{number}",
        "segment_name": f"Title {number}",
        "date_start": date(2026, 11, 1),
        "date_end": date(2026, 11, 19),
        "impressions": 100,
        "clicks": 2,
        "spend": Decimal("5"),
        "share_pct": Decimal("10"),
        "fetched_at": NOW,
    }
    return AudienceDemographic.objects.create(**values | changes)


def make_sync_run(**changes: Any) -> SyncLog:
    """A finished, successful run of the whole backfill; pass `account=None` for a run of all ad accounts."""
    if "account" not in changes:
        changes["account"] = make_ad_account()
    values: dict[str, Any] = {
        "status": SyncLog.Status.SUCCESS,
        "trigger": SyncLog.Trigger.SCHEDULE,
        "started_at": NOW - timedelta(minutes=1),
        "finished_at": NOW,
        "heartbeat_at": NOW,
    } | changes
    if values["account"] is not None:
        # As the usual settings would have it: the backfill, up to the day it ran on.
        last_day = values["started_at"].date()
        values = {"first_day": last_day - timedelta(days=90), "last_day": last_day} | values
    run = SyncLog.objects.create(**values)
    if run.account_id and run.status == SyncLog.Status.SUCCESS and run.first_day and run.last_day:
        make_covered_days(
            account=run.account_id, first_day=run.first_day, last_day=run.last_day, asked_at=run.started_at
        )
    return run


def make_covered_days(*, account: AdAccount | int, first_day: date, last_day: date, asked_at: datetime = NOW) -> None:
    """As a sync would leave them that requested these days and stored every answer."""
    ad_account_id = account if isinstance(account, int) else account.pk
    months = whole_months(first_day=first_day, last_day=last_day, today=asked_at.date())
    covered = {
        coverage.CAMPAIGN_DAYS: (first_day, last_day),
        coverage.CREATIVE_DAYS: (first_day, last_day),
        coverage.CHECKED_DAYS: (first_day, min(last_day, asked_at.date() - timedelta(days=1))),
    } | {coverage.segments(pivot): months for pivot in AudienceDemographic.PivotType.values}
    for dataset, (first, last) in covered.items():
        if first <= last:
            coverage.record(dataset, (first, last), ad_account_id=ad_account_id, asked_at=asked_at)


def cover_every_ad_account(
    *, first_day: date = date(2025, 1, 1), last_day: date = date(2026, 12, 31), asked_at: datetime | None = None
) -> None:
    """Every ad account made so far has stored these days, by default after they were over."""
    asked_at = asked_at or datetime.combine(last_day + timedelta(days=1), time(), UTC)
    for pk in AdAccount.objects.values_list("pk", flat=True):
        make_covered_days(account=pk, first_day=first_day, last_day=last_day, asked_at=asked_at)


def make_rejected_record(**changes: Any) -> RejectedRecord:
    if "run" not in changes:
        changes["run"] = make_sync_run()
    values = {
        "account": changes["run"].account,
        "endpoint": "adCampaigns",
        "payload": {"id": "not a number", "name": "<b>Größe</b>"},
        "reason": "id: not a whole number",
    }
    return RejectedRecord.objects.create(**values | changes)


def make_urn_name(**changes: Any) -> UrnName:
    values = {"urn": f"urn:li:title:{next(_numbers)}", "name": "Chief Simulation Officer", "looked_up_at": NOW}
    return UrnName.objects.create(**values | changes)


def make_finding(**changes: Any) -> Finding:
    """Open: a campaign that runs on LinkedIn Audience Network too."""
    if "campaign" not in changes:
        changes["campaign"] = make_campaign(account=changes.pop("ad_account", None) or make_ad_account())
    values = {
        "ad_account": changes["campaign"].account,
        "rule_id": "audience_network",
        "severity": "warning",
        "sentence": f"{changes['campaign'].name} also runs on LinkedIn Audience Network.",
        "evidence": [{"label": "Spend in 30 days", "value": "1234.50", "unit": "money"}],
        "weight": Decimal("1234.5"),
        "money_at_stake": Decimal("1234.5"),
        "currency": "EUR",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    return Finding.objects.create(**values | changes)
