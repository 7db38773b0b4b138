"""An ad account of one campaign in which no rule finds anything; `campaign(**changes)` breaks it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from reporting.checks.facts import AdAccountFacts, CampaignFacts, CreativeFacts
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Problem, RuleResult
from tests.builders import NOW


def campaign(**changes: Any) -> CampaignFacts:
    values: dict[str, Any] = {
        "id": 1,
        "name": "Spring",
        "type": "SPONSORED_UPDATES",
        "objective": "WEBSITE_VISIT",
        "cost_type": "CPC",
        "bid_strategy": "NONE",
        "audience_network": False,
        "audience_expansion": False,
        "daily_budget": Decimal(50),
        "daily_budget_currency": "EUR",
        "starts_at": NOW - timedelta(days=200),
        "created_at": NOW - timedelta(days=200),
        "creatives_active": 4,
        "creatives_serving": 4,
        "impressions": 100_000,
        "clicks": 1000,
        "spend": Decimal(1500),
        "conversions": 10,
        "seen_lately": 20_000,
        "paced_days": 7,
        "paced_spend": Decimal(350),
    }
    values |= {"month_spend": changes.get("spend", values["spend"])}
    return CampaignFacts(**values | changes)


def creative(**changes: Any) -> CreativeFacts:
    values: dict[str, Any] = {
        "id": "urn:li:sponsoredCreative:1",
        "name": "Quote card",
        "campaign_id": 1,
        "campaign_name": "Spring",
        "review_status": "APPROVED",
        "hold_reasons": (),
        "is_serving": True,
        "changed_at": NOW - timedelta(days=30),
        "month_spend": Decimal(12),
    }
    return CreativeFacts(**values | changes)


def ad_account(*parts: CampaignFacts | CreativeFacts, **changes: Any) -> AdAccountFacts:
    values: dict[str, Any] = {
        "id": 7,
        "currency": "EUR",
        "as_of": NOW,
        "figures_from": NOW.date() - timedelta(days=89),
        "figures_through": NOW.date(),
        "campaigns": tuple(one for one in parts if isinstance(one, CampaignFacts)),
        "creatives": tuple(one for one in parts if isinstance(one, CreativeFacts)),
    }
    return AdAccountFacts(**values | changes)


def check(rule_id: str, *parts: CampaignFacts | CreativeFacts, **changes: Any) -> RuleResult:
    return RULES[rule_id].check(ad_account(*parts, **changes))


def the_problem(rule_id: str, *parts: CampaignFacts | CreativeFacts, **changes: Any) -> Problem:
    """The rule reports one problem and could check everything."""
    result = check(rule_id, *parts, **changes)
    assert result.not_checked == ()
    [problem] = result.problems
    return problem
