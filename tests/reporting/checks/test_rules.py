"""Every rule where it fires, where it must not, at its edge, and where it cannot judge."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reporting.checks.rules import RULES
from reporting.checks.rules.base import Severity
from reporting.checks.thresholds import Thresholds
from reporting.models import AuditThresholds
from tests.builders import NOW
from tests.reporting.checks.example_facts import ad_account, campaign, creative, judge, the_finding

DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0)
TOTAL = {
    "daily_budget": None,
    "daily_budget_currency": None,
    "total_budget": Decimal(1000),
    "total_budget_currency": "EUR",
}

FIRES: list[tuple[str, dict[str, Any], Decimal | None]] = [
    ("audience_network", {"audience_network": True}, Decimal(1500)),
    ("audience_expansion", {"audience_expansion": True}, Decimal(1500)),
    ("maximum_delivery", {"bid_strategy": "MAX_CLICK", "cost_type": "CPM"}, Decimal(1500)),
    ("no_serving_creative", {"creatives_serving": 0}, Decimal(350)),
    ("no_serving_creative", {"creatives_serving": 0, "creatives_active": 0}, Decimal(350)),
    ("single_creative", {"creatives_active": 1}, Decimal(1500)),
    ("no_impressions", {"seen_lately": 0}, Decimal(350)),
    ("no_impressions", {"seen_lately": 0, "daily_budget_currency": "USD"}, None),
    ("no_impressions", {"seen_lately": 0, "starts_at": NOW - 8 * DAY, "created_at": None}, Decimal(350)),
    ("low_ctr", {"clicks": 399}, Decimal(1500)),
    ("low_ctr", {"clicks": 0, "impressions": 5000}, Decimal(1500)),
    ("spend_without_conversions", {"conversions": 0}, Decimal(1500)),
    ("spend_without_conversions", {"conversions": 0, "spend": Decimal(100)}, Decimal(100)),
    ("spend_without_conversions", {"conversions": 0, "objective": "LEAD_GENERATION"}, Decimal(1500)),
    ("budget_over_pace", {"paced_spend": Decimal("385.01")}, Decimal("35.01")),
    ("budget_under_pace", {"paced_spend": Decimal("244.99")}, Decimal("105.01")),
    ("budget_over_pace", TOTAL | {"starts_at": MIDNIGHT - 5 * DAY, "ends_at": MIDNIGHT + 5 * DAY,
                                  "spend_since_start": Decimal(551)}, Decimal(51)),
    ("budget_under_pace", TOTAL | {"starts_at": MIDNIGHT - 5 * DAY, "ends_at": MIDNIGHT + 5 * DAY,
                                   "spend_since_start": Decimal(349)}, Decimal(151)),
    ("end_passed", {"ends_at": NOW}, None),
    ("end_passed", TOTAL | {"starts_at": NOW - 20 * DAY, "ends_at": NOW - DAY, "spend_since_start": Decimal(900)},
     Decimal(100)),
    ("end_near", {"ends_at": NOW + 7 * DAY}, None),
    ("end_near", {"ends_at": NOW + timedelta(minutes=1)}, None),
]  # fmt: skip

SILENT: list[tuple[str, dict[str, Any]]] = [
    ("maximum_delivery", {"bid_strategy": "MAX_CLICK", "cost_type": "CPC"}),
    ("maximum_delivery", {"bid_strategy": "NONE", "cost_type": "CPM"}),
    ("maximum_delivery", {"bid_strategy": "TARGET_COST_PER_CLICK", "cost_type": "CPM"}),
    ("no_serving_creative", {"creatives_serving": 1}),
    ("no_serving_creative", {"creatives_serving": 0, "ends_at": NOW}),
    ("no_serving_creative", {"creatives_serving": 0, "starts_at": NOW + DAY}),
    ("single_creative", {"creatives_active": 2}),
    ("single_creative", {"creatives_active": 0}),
    ("no_impressions", {"seen_lately": 1}),
    ("no_impressions", {"seen_lately": 0, "ends_at": NOW}),
    # The day on which it began was no whole one.
    ("no_impressions", {"seen_lately": 0, "starts_at": NOW - 7 * DAY}),
    ("no_impressions", {"seen_lately": 0, "created_at": NOW - DAY}),
    ("no_impressions", {"seen_lately": 0, "starts_at": NOW + DAY}),
    ("low_ctr", {"clicks": 400}),
    ("low_ctr", {"clicks": 0, "impressions": 4999}),
    ("low_ctr", {"clicks": 0, "impressions": 0}),
    ("low_ctr", {"clicks": 0, "type": "TEXT_AD"}),
    ("low_ctr", {"clicks": 0, "type": "SPONSORED_INMAILS"}),
    ("spend_without_conversions", {"conversions": 0, "leads": 1}),
    ("spend_without_conversions", {"conversions": 0, "spend": Decimal("99.99")}),
    ("spend_without_conversions", {"conversions": 0, "objective": "BRAND_AWARENESS"}),
    ("budget_over_pace", {"paced_spend": Decimal(385)}),
    ("budget_under_pace", {"paced_spend": Decimal(245)}),
    # One that is not shown at all is another rule's.
    ("budget_under_pace", {"paced_spend": Decimal(0), "seen_lately": 0}),
    ("budget_over_pace", {"paced_spend": Decimal(900), "ends_at": NOW}),
    ("budget_over_pace", TOTAL | {"starts_at": MIDNIGHT - 2 * DAY, "ends_at": NOW + DAY,
                                  "spend_since_start": Decimal(999)}),
    # Without an end there is no plan to run off.
    ("budget_over_pace", TOTAL | {"spend_since_start": Decimal(999)}),
    ("end_passed", {"ends_at": NOW + timedelta(minutes=1)}),
    ("end_near", {"ends_at": NOW}),
    ("end_near", {"ends_at": NOW + 7 * DAY + timedelta(minutes=1)}),
]  # fmt: skip

HALF_OF_THE_TOTAL = TOTAL | {"starts_at": MIDNIGHT - 5 * DAY, "ends_at": MIDNIGHT + 5 * DAY}
# The least that is found, and beside it the most that is not.
EDGES: list[tuple[str, Any, Any]] = [
    ("audience_network", campaign(audience_network=True), campaign(audience_network=False)),
    ("audience_expansion", campaign(audience_expansion=True), campaign(audience_expansion=False)),
    (
        "maximum_delivery",
        campaign(bid_strategy="MAX_CLICK", cost_type="CPM"),
        campaign(bid_strategy="MAX_CLICK", cost_type="CPC"),
    ),
    ("no_serving_creative", campaign(creatives_serving=0), campaign(creatives_serving=1)),
    (
        "no_serving_creative",
        campaign(creatives_serving=0, ends_at=NOW + timedelta(seconds=1)),
        campaign(creatives_serving=0, ends_at=NOW),
    ),
    ("single_creative", campaign(creatives_active=1), campaign(creatives_active=2)),
    (
        "held_creative",
        creative(review_status="PENDING", changed_at=NOW - 2 * DAY),
        creative(review_status="PENDING", changed_at=NOW - 2 * DAY + timedelta(seconds=1)),
    ),
    ("no_impressions", campaign(seen_lately=0), campaign(seen_lately=1)),
    (
        "no_impressions",
        campaign(seen_lately=0, starts_at=MIDNIGHT - 7 * DAY - timedelta(seconds=1), created_at=None),
        campaign(seen_lately=0, starts_at=MIDNIGHT - 7 * DAY, created_at=None),
    ),
    ("low_ctr", campaign(clicks=399), campaign(clicks=400)),
    ("low_ctr", campaign(clicks=0, impressions=5000), campaign(clicks=0, impressions=4999)),
    (
        "spend_without_conversions",
        campaign(conversions=0, spend=Decimal(100)),
        campaign(conversions=0, spend=Decimal("99.9999999999")),
    ),
    ("budget_over_pace", campaign(paced_spend=Decimal("385.0000000001")), campaign(paced_spend=Decimal(385))),
    (
        "budget_over_pace",
        campaign(**HALF_OF_THE_TOTAL, spend_since_start=Decimal("550.0000000001")),
        campaign(**HALF_OF_THE_TOTAL, spend_since_start=Decimal(550)),
    ),
    ("budget_under_pace", campaign(paced_spend=Decimal("244.9999999999")), campaign(paced_spend=Decimal(245))),
    (
        "budget_under_pace",
        campaign(**HALF_OF_THE_TOTAL, spend_since_start=Decimal("349.9999999999")),
        campaign(**HALF_OF_THE_TOTAL, spend_since_start=Decimal(350)),
    ),
    ("end_passed", campaign(ends_at=NOW), campaign(ends_at=NOW + timedelta(seconds=1))),
    ("end_near", campaign(ends_at=NOW + 7 * DAY), campaign(ends_at=NOW + 7 * DAY + timedelta(seconds=1))),
    ("end_near", campaign(ends_at=NOW + timedelta(seconds=1)), campaign(ends_at=NOW)),
]

UNJUDGED: list[tuple[str, dict[str, Any], str]] = [
    ("audience_network", {"audience_network": None}, "did not tell whether LinkedIn Audience Network is on"),
    ("audience_expansion", {"audience_expansion": None}, "did not tell whether audience expansion is on"),
    ("maximum_delivery", {"bid_strategy": None}, "did not tell how the campaign bids"),
    ("maximum_delivery", {"cost_type": None}, "did not tell how the campaign bids"),
    ("no_serving_creative", {"creatives_serving": 0, "creatives_unknown": 1}, "whether its creatives are serving"),
    ("low_ctr", {"type": None}, "of which type"),
    ("spend_without_conversions", {"conversions": 0, "objective": None}, "the campaign's objective"),
    ("spend_without_conversions", {"conversions": 0, "objective": "JOB_APPLICANTS"}, "JOB_APPLICANTS is not stored"),
    ("budget_over_pace", {"daily_budget": None}, "no budget of its own"),
    ("budget_under_pace", {"paced_days": 2}, "less than 3 whole days ago"),
    ("budget_over_pace", {"daily_budget_currency": "USD"}, "currency is not the ad account's"),
    ("budget_over_pace", TOTAL | {"ends_at": NOW + DAY}, "Figures since 2026-05-04 are not all stored"),
    (
        "budget_over_pace",
        TOTAL | {"total_budget_currency": "USD", "ends_at": NOW + DAY},
        "currency is not the ad account's",
    ),
]


@pytest.mark.parametrize(("rule_id", "changes", "money"), FIRES)
def test_a_rule_finds_what_it_looks_for(rule_id: str, changes: dict[str, Any], money: Decimal | None) -> None:
    found = the_finding(rule_id, campaign(**changes))
    assert found.campaign_id == 1
    assert found.money == money
    assert found.weight > 0
    assert "Spring" in found.sentence
    assert found.evidence


@pytest.mark.parametrize(("rule_id", "changes"), SILENT)
def test_a_rule_leaves_the_rest_alone(rule_id: str, changes: dict[str, Any]) -> None:
    verdict = judge(rule_id, campaign(**changes))
    assert verdict.found == verdict.unjudged == ()


@pytest.mark.parametrize("rule_id", RULES)
def test_no_rule_finds_anything_in_good_order(rule_id: str) -> None:
    verdict = judge(rule_id, campaign(), creative())
    assert verdict.found == verdict.unjudged == ()


@pytest.mark.parametrize(("rule_id", "changes", "reason"), UNJUDGED)
def test_what_cannot_be_judged_says_why_and_is_no_finding(rule_id: str, changes: dict[str, Any], reason: str) -> None:
    verdict = judge(rule_id, campaign(**changes))
    assert verdict.found == ()
    [one] = verdict.unjudged
    assert reason in one.reason
    assert one.campaign_id == 1


@pytest.mark.parametrize(("rule_id", "found", "not_found"), EDGES)
def test_a_rule_draws_its_line_where_it_says(rule_id: str, found: Any, not_found: Any) -> None:
    assert len(judge(rule_id, found).found) == 1
    verdict = judge(rule_id, not_found)
    assert verdict.found == verdict.unjudged == ()


def test_every_rule_is_tried_both_ways_and_at_its_edge() -> None:
    """Creatives have their own tests below; `good order` above tries every rule where it must be silent."""
    assert {rule_id for rule_id, *_ in FIRES} | {"held_creative"} == set(RULES)
    assert {rule_id for rule_id, *_ in EDGES} == set(RULES)


# --- Creatives ---


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"review_status": "REJECTED"}, "was rejected"),
        ({"hold_reasons": ("REJECTED", "CAMPAIGN_STOPPED")}, "was rejected"),
        ({"hold_reasons": ("FORM_HOLD",)}, "is held back"),
        ({"hold_reasons": ("A_REASON_OF_NEXT_YEAR",)}, "is held back"),
        ({"review_status": "PENDING", "changed_at": NOW - 2 * DAY}, "is still in review"),
        ({"review_status": "NEEDS_REVIEW"}, "is still in review"),
        ({"hold_reasons": ("UNDER_REVIEW",)}, "is still in review"),
    ],
)
def test_a_held_creative_is_found(changes: dict[str, Any], what: str) -> None:
    found = the_finding("held_creative", creative(**changes))
    assert (found.campaign_id, found.creative_id) == (1, "urn:li:sponsoredCreative:1")
    assert found.money == 12
    assert found.sentence == f"The creative Quote card of Spring {what}" + (
        " by LinkedIn." if "review" not in what else "."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"hold_reasons": ("CAMPAIGN_STOPPED", "ACCOUNT_SERVING_HOLD", "STOPPED", "PROCESSING")},
        {"review_status": "PENDING", "changed_at": NOW - 2 * DAY + timedelta(minutes=1)},
        {"review_status": None, "is_serving": True},
    ],
)
def test_a_creative_stopped_by_others_or_in_a_young_review_is_not(changes: dict[str, Any]) -> None:
    verdict = judge("held_creative", creative(**changes))
    assert verdict.found == verdict.unjudged == ()


@pytest.mark.parametrize(
    "changes", [{"review_status": None, "is_serving": None}, {"review_status": "PENDING", "changed_at": None}]
)
def test_a_creative_of_which_linkedin_says_nothing_cannot_be_judged(changes: dict[str, Any]) -> None:
    verdict = judge("held_creative", creative(**changes))
    assert verdict.found == ()
    assert verdict.unjudged[0].creative_id == "urn:li:sponsoredCreative:1"


def test_a_hold_that_turns_into_a_rejection_is_materially_worse() -> None:
    held = the_finding("held_creative", creative(hold_reasons=("FORM_HOLD",)))
    rejected = the_finding("held_creative", creative(review_status="REJECTED"))
    assert rejected.weight > held.weight * Decimal("1.5")


# --- The whole ad account ---


@pytest.mark.parametrize("rule_id", RULES)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"status": "CANCELED"}, "is CANCELED at LinkedIn"), ({"is_listed": False}, "no longer returns this ad account")],
)
def test_no_rule_judges_an_ad_account_that_is_closed(rule_id: str, changes: dict[str, Any], reason: str) -> None:
    verdict = judge(rule_id, campaign(audience_network=True), **changes)
    assert verdict.found == ()
    [one] = verdict.unjudged
    assert reason in one.reason
    assert one.campaign_id is None


@pytest.mark.parametrize("rule_id", [one.id for one in RULES.values() if one.reads_figures])
@pytest.mark.parametrize("through", [None, NOW.date() - 2 * DAY])
def test_rules_about_figures_wait_for_the_last_days(rule_id: str, through: Any) -> None:
    verdict = judge(rule_id, campaign(seen_lately=0, conversions=0, clicks=0), figures_through=through)
    assert verdict.found == ()
    assert "not there yet" in verdict.unjudged[0].reason


def test_a_setting_is_judged_without_figures() -> None:
    assert judge("audience_network", campaign(audience_network=True), figures_through=None).found


def test_yesterday_is_enough() -> None:
    assert judge("low_ctr", campaign(clicks=0), figures_through=NOW.date() - DAY).found


def test_seven_days_without_impressions_need_seven_stored_days() -> None:
    verdict = judge("no_impressions", campaign(seen_lately=0), figures_from=NOW.date() - 6 * DAY)
    assert verdict.found == ()
    assert "Too few days" in verdict.unjudged[0].reason
    assert judge("no_impressions", campaign(seen_lately=0), figures_from=NOW.date() - 7 * DAY).found


@pytest.mark.parametrize(
    ("rule_id", "threshold", "changes"),
    [
        ("low_ctr", {"ctr_percent": Decimal("1.5")}, {}),
        ("low_ctr", {"ctr_impressions": 100}, {"impressions": 100, "clicks": 0}),
        ("spend_without_conversions", {"spend_without_conversions": Decimal(1)},
         {"conversions": 0, "spend": Decimal(1)}),
        ("budget_over_pace", {"pace_over_percent": 100}, {"paced_spend": Decimal(351)}),
        ("budget_under_pace", {"pace_under_percent": 100}, {"paced_spend": Decimal(349)}),
        ("budget_over_pace", {"pace_days": 1}, {"paced_days": 1, "paced_spend": Decimal(100)}),
        ("end_near", {"end_near_days": 30}, {"ends_at": NOW + 30 * DAY}),
        ("no_impressions", {"quiet_days": 2}, {"seen_lately": 0, "starts_at": NOW - 3 * DAY, "created_at": None}),
    ],
)  # fmt: skip
def test_thresholds_move_the_line(rule_id: str, threshold: dict[str, Any], changes: dict[str, Any]) -> None:
    rule = RULES[rule_id]
    assert not rule.judge(ad_account(campaign(**changes))).found
    assert rule.judge(ad_account(campaign(**changes), thresholds=Thresholds(**threshold))).found


# --- Words ---


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_the_document_says_what_the_rule_says(rule: Any) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/action-center.md").read_text()
    section = text.split(f"### {rule.title}\n")[1].split("\n### ")[0]
    assert f"`{rule.id}`, {rule.severity.value}." in section
    for line in (f"Looks for: {rule.looks_for}", f"Why it matters: {rule.why}", f"Remedy: {rule.remedy}",
                 f"Money at stake: {rule.stake}"):  # fmt: skip
        assert f"- {line}\n" in f"{section}\n"


def test_the_document_lists_no_other_rule_and_every_threshold() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/action-center.md").read_text()
    assert text.count("\n### ") == len(RULES)
    columns = {one.name for one in AuditThresholds._meta.concrete_fields} - {"ad_account"}
    assert columns == set(Thresholds.__dataclass_fields__)
    for name in columns:
        assert f"| `{name}` | {getattr(Thresholds(), name)} |" in text


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_remedy_names_both_of_linkedins_words(rule: Any) -> None:
    assert rule.remedy.startswith("In Campaign Manager open the campaign (an “ad set” ")
    assert rule.severity in set(Severity)
