"""Every rule where it fires, where it must not, at its edge, and where it cannot check."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reporting.checks.facts import MONTH_DAYS
from reporting.checks.rules import RULES
from reporting.checks.rules.base import plain
from reporting.checks.severity import Severity
from reporting.checks.thresholds import Thresholds
from reporting.models import CheckThresholds
from tests.builders import NOW
from tests.reporting.checks.example_facts import ad_account, campaign, check, creative, the_problem

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
    ("no_serving_creative", {"creatives_serving": 0}, Decimal(1500)),
    ("no_serving_creative", {"creatives_serving": 0, "creatives_active": 0}, Decimal(1500)),
    ("single_creative", {"creatives_active": 1}, Decimal(1500)),
    ("no_impressions", {"seen_lately": 0}, Decimal(1500)),
    ("no_impressions", {"seen_lately": 0, "daily_budget_currency": "USD"}, Decimal(1500)),
    ("no_impressions", {"seen_lately": 0, "starts_at": NOW - 8 * DAY, "created_at": None}, Decimal(1500)),
    ("low_ctr", {"clicks": 399}, Decimal(1500)),
    ("low_ctr", {"clicks": 0, "impressions": 5000}, Decimal(1500)),
    ("low_ctr", {"clicks": 0, "objective": "ENGAGEMENT"}, Decimal(1500)),
    ("low_ctr", {"clicks": 0, "objective": "LEAD_GENERATION"}, Decimal(1500)),
    ("low_ctr", {"clicks": 0, "objective": "JOB_APPLICANTS"}, Decimal(1500)),
    ("spend_without_conversions", {"conversions": 0}, Decimal(1500)),
    ("spend_without_conversions", {"conversions": 0, "spend": Decimal(100)}, Decimal(100)),
    ("spend_without_conversions", {"conversions": 0, "objective": "LEAD_GENERATION"}, Decimal(1500)),
    ("budget_over_pace", {"paced_spend": Decimal("385.01")}, Decimal("35.01") * 30 / 7),
    ("budget_under_pace", {"paced_spend": Decimal("244.99")}, Decimal(1500)),
    ("budget_over_pace", TOTAL | {"starts_at": MIDNIGHT - 5 * DAY, "ends_at": MIDNIGHT + 5 * DAY,
                                  "spend_since_start": Decimal(551)}, Decimal(51) * 6),
    ("budget_under_pace", TOTAL | {"starts_at": MIDNIGHT - 5 * DAY, "ends_at": MIDNIGHT + 5 * DAY,
                                   "spend_since_start": Decimal(349)}, Decimal(1500)),
    ("end_passed", {"ends_at": NOW}, Decimal(1500)),
    ("end_passed", TOTAL | {"starts_at": NOW - 20 * DAY, "ends_at": NOW - DAY, "spend_since_start": Decimal(900)},
     Decimal(1500)),
    ("end_near", {"ends_at": NOW + 7 * DAY}, Decimal(1500)),
    ("end_near", {"ends_at": NOW + timedelta(minutes=1)}, Decimal(1500)),
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
    *(("low_ctr", {"clicks": 0, "objective": one}) for one in ("BRAND_AWARENESS", "VIDEO_VIEW", "VIDEO_VIEWS")),
    # One cause, one finding: what is not served, or has ended, is another rule's.
    ("no_impressions", {"seen_lately": 0, "creatives_serving": 0}),
    ("budget_under_pace", {"paced_spend": Decimal(0), "creatives_serving": 0}),
    ("low_ctr", {"clicks": 0, "ends_at": NOW}),
    ("spend_without_conversions", {"conversions": 0, "ends_at": NOW}),
    ("audience_network", {"audience_network": True, "ends_at": NOW}),
    ("audience_expansion", {"audience_expansion": True, "ends_at": NOW}),
    ("maximum_delivery", {"bid_strategy": "MAX_CLICK", "cost_type": "CPM", "ends_at": NOW}),
    ("single_creative", {"creatives_active": 1, "ends_at": NOW}),
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

NOT_CHECKED: list[tuple[str, dict[str, Any], str]] = [
    ("audience_network", {"audience_network": None}, "sent no Audience Network setting"),
    ("audience_expansion", {"audience_expansion": None}, "sent no audience expansion setting"),
    ("maximum_delivery", {"bid_strategy": None}, "sent no bid strategy or cost type"),
    ("maximum_delivery", {"cost_type": None}, "sent no bid strategy or cost type"),
    (
        "no_serving_creative",
        {"creatives_serving": 0, "creatives_unknown": 1},
        "sent no serving status for its creatives",
    ),
    ("low_ctr", {"type": None}, "sent no campaign type"),
    ("low_ctr", {"clicks": 0, "objective": None}, "sent no campaign objective"),
    ("low_ctr", {"clicks": 0, "objective": "NEXT_YEARS"}, "“Next years” is not known to aim at clicks"),
    ("spend_without_conversions", {"conversions": 0, "objective": None}, "sent no campaign objective"),
    ("spend_without_conversions", {"conversions": 0, "objective": "JOB_APPLICANTS"}, "“Job applicants” are not stored"),
    ("budget_over_pace", {"daily_budget": None}, "no budget of its own"),
    ("budget_under_pace", {"paced_days": 2}, "less than 3 whole days ago"),
    ("budget_over_pace", {"daily_budget_currency": "USD"}, "currency is not the ad account's"),
    ("budget_over_pace", TOTAL | {"ends_at": NOW + DAY}, "Some days since 2026-05-04 are not stored"),
    (
        "budget_over_pace",
        TOTAL | {"total_budget_currency": "USD", "ends_at": NOW + DAY},
        "currency is not the ad account's",
    ),
]


@pytest.mark.parametrize(("rule_id", "changes", "money"), FIRES)
def test_a_rule_finds_what_it_looks_for(rule_id: str, changes: dict[str, Any], money: Decimal | None) -> None:
    problem = the_problem(rule_id, campaign(**changes))
    assert problem.campaign_id == 1
    assert problem.money == money
    assert problem.weight > 0
    assert "Spring" in problem.sentence
    assert problem.evidence


@pytest.mark.parametrize(("rule_id", "changes"), SILENT)
def test_a_rule_leaves_the_rest_alone(rule_id: str, changes: dict[str, Any]) -> None:
    result = check(rule_id, campaign(**changes))
    assert result.problems == result.not_checked == ()


@pytest.mark.parametrize("rule_id", RULES)
def test_no_rule_finds_anything_in_good_order(rule_id: str) -> None:
    result = check(rule_id, campaign(), creative())
    assert result.problems == result.not_checked == ()


@pytest.mark.parametrize(("rule_id", "changes", "reason"), NOT_CHECKED)
def test_what_cannot_be_checked_says_why_and_is_no_problem(rule_id: str, changes: dict[str, Any], reason: str) -> None:
    result = check(rule_id, campaign(**changes))
    assert result.problems == ()
    [one] = result.not_checked
    assert reason in one.reason
    assert one.campaign_id == 1


@pytest.mark.parametrize(("rule_id", "found", "not_found"), EDGES)
def test_a_rule_draws_its_line_where_it_says(rule_id: str, found: Any, not_found: Any) -> None:
    assert len(check(rule_id, found).problems) == 1
    result = check(rule_id, not_found)
    assert result.problems == result.not_checked == ()


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
        ({"hold_reasons": ("FORM_HOLD",)}, "is on hold"),
        ({"hold_reasons": ("A_REASON_OF_NEXT_YEAR",)}, "is on hold"),
        ({"review_status": "PENDING", "changed_at": NOW - 2 * DAY}, "is still in review"),
        ({"review_status": "NEEDS_REVIEW"}, "is still in review"),
        ({"hold_reasons": ("UNDER_REVIEW",)}, "is still in review"),
    ],
)
def test_a_held_creative_is_found(changes: dict[str, Any], what: str) -> None:
    problem = the_problem("held_creative", creative(**changes))
    assert (problem.campaign_id, problem.creative_id) == (1, "urn:li:sponsoredCreative:1")
    assert problem.money == 12
    assert problem.sentence == f"The creative Quote card in Spring {what}" + (
        {"was rejected": " by LinkedIn.", "is on hold": " at LinkedIn."}.get(what, ".")
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
    result = check("held_creative", creative(**changes))
    assert result.problems == result.not_checked == ()


@pytest.mark.parametrize(
    "changes", [{"review_status": None, "is_serving": None}, {"review_status": "PENDING", "changed_at": None}]
)
def test_a_creative_without_a_status_cannot_be_checked(changes: dict[str, Any]) -> None:
    result = check("held_creative", creative(**changes))
    assert result.problems == ()
    assert result.not_checked[0].creative_id == "urn:li:sponsoredCreative:1"


def test_a_hold_that_turns_into_a_rejection_is_materially_worse() -> None:
    held = the_problem("held_creative", creative(hold_reasons=("FORM_HOLD",)))
    rejected = the_problem("held_creative", creative(review_status="REJECTED"))
    assert rejected.weight > held.weight * Decimal("1.5")


def test_a_creative_in_a_campaign_that_has_ended_has_nothing_to_mend() -> None:
    rejected = creative(review_status="REJECTED")
    assert check("held_creative", campaign(), rejected).problems
    assert not check("held_creative", campaign(ends_at=NOW), rejected).problems


# --- Spend concerned ---


@pytest.mark.parametrize(("rule_id", "changes", "money"), FIRES)
def test_no_more_is_at_stake_than_a_month_of_the_campaigns_spend(
    rule_id: str, changes: dict[str, Any], money: Decimal | None
) -> None:
    """Whatever its budget is; and nothing is not shown as an amount of 0."""
    for spent, expected in (
        (Decimal("0.01"), Decimal("0.01")),
        (Decimal(0), None),
        (Decimal("0.004"), None),
        (Decimal("-2E-18"), None),
    ):
        problem = the_problem(rule_id, campaign(**changes | {"month_spend": spent}))
        assert problem.money == (None if money is None else expected)


@pytest.mark.parametrize(("rule_id", "changes", "money"), FIRES)
@pytest.mark.parametrize(
    "stored",
    [{"figures_from": NOW.date() - 10 * DAY}, {"figures_through": NOW.date() - 3 * DAY}, {"figures_from": None}],
)
def test_a_month_that_is_not_stored_is_no_amount(
    rule_id: str, changes: dict[str, Any], money: Decimal | None, stored: dict[str, Any]
) -> None:
    """What is stored of it would be taken for all; and a sum of its days says that it is none."""
    for problem in check(rule_id, campaign(**changes), **stored).problems:
        assert problem.money is None
        for one in problem.evidence:
            if one.label in {"Spend in 30 days", "Impressions in 30 days"}:
                assert (one.value, one.unit) == ("unknown: some of the days are not stored", "text")


def test_an_amount_is_not_capped_without_saying_so() -> None:
    """Underspending and dead campaigns: the budget that goes unspent is evidence, however large it is."""
    budget: Any = {"daily_budget": Decimal(5000)}
    for rule_id, changes, label in (
        ("budget_under_pace", {}, "Below plan in a month, at this pace"),
        ("no_impressions", {"seen_lately": 0}, "Daily budget in a month"),
        ("no_serving_creative", {"creatives_serving": 0}, "Daily budget in a month"),
    ):
        problem = the_problem(rule_id, campaign(**budget | changes))
        assert problem.money == 1500
        assert RULES[rule_id].stake == "What the campaign spent in the last 30 days."
        [unspent] = [one for one in problem.evidence if one.label == label]
        assert Decimal(unspent.value) > 140_000
    over = RULES["budget_over_pace"]
    assert "no more than the campaign spent" in over.stake
    assert over.stake_label == "above plan in 30 days"
    rest = the_problem("end_near", campaign(**TOTAL | {"starts_at": NOW - 20 * DAY, "ends_at": NOW + DAY}))
    assert ("Rest of the total budget", "1000.00") in [(one.label, one.value) for one in rest.evidence]


def test_remedies_of_one_campaign_do_not_contradict_each_other() -> None:
    """One that underspends may bid by maximum delivery: there is no bid to raise, and a cap would slow it down."""
    slow = campaign(
        bid_strategy="MAX_CLICK", cost_type="CPM", paced_spend=Decimal(10), audience_expansion=True, clicks=9
    )
    found = {rule_id: rule for rule_id, rule in RULES.items() if rule.check(ad_account(slow)).problems}
    assert found.keys() == {"maximum_delivery", "budget_under_pace", "audience_expansion", "low_ctr"}
    assert "Leave maximum delivery on while the campaign does not spend its budget" in found["maximum_delivery"].remedy
    assert "If it has a bid or a cost cap, raise that" in found["budget_under_pace"].remedy
    for rule in RULES.values():
        # Whoever should widen the targeting is not told elsewhere to narrow it.
        assert not re.search(r"narrow the audience|(?<!, )raise the bid(?! or the cost cap if it has one)", rule.remedy)


def test_the_window_of_an_ad_account_is_no_month() -> None:
    facts = campaign(audience_network=True, spend=Decimal(9000), month_spend=Decimal(3000))
    assert the_problem("audience_network", facts).money == 3000


def test_a_dead_campaign_is_one_finding() -> None:
    dead = ad_account(campaign(creatives_serving=0, seen_lately=0, paced_spend=Decimal(0)))
    found = [rule_id for rule_id, rule in RULES.items() if rule.check(dead).problems]
    assert found == ["no_serving_creative"]


def test_a_campaign_that_has_ended_is_one_finding() -> None:
    ended = campaign(
        ends_at=NOW - DAY, audience_network=True, audience_expansion=True, creatives_active=1, creatives_serving=0,
        clicks=0, conversions=0, seen_lately=0, bid_strategy="MAX_CLICK", cost_type="CPM",
    )  # fmt: skip
    facts = ad_account(ended, creative(review_status="REJECTED"))
    assert [rule_id for rule_id, rule in RULES.items() if rule.check(facts).problems] == ["end_passed"]


# --- The whole ad account ---


@pytest.mark.parametrize("rule_id", RULES)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"status": "CANCELED"}, "is canceled at LinkedIn"), ({"is_listed": False}, "no longer returns this ad account")],
)
def test_no_rule_checks_an_ad_account_that_is_closed(rule_id: str, changes: dict[str, Any], reason: str) -> None:
    result = check(rule_id, campaign(audience_network=True), **changes)
    assert result.problems == ()
    [one] = result.not_checked
    assert reason in one.reason
    assert one.campaign_id is None


@pytest.mark.parametrize("rule_id", [one.id for one in RULES.values() if one.reads_figures])
@pytest.mark.parametrize("through", [None, NOW.date() - 2 * DAY])
def test_rules_about_figures_wait_for_the_last_days(rule_id: str, through: Any) -> None:
    result = check(rule_id, campaign(seen_lately=0, conversions=0, clicks=0), figures_through=through)
    assert result.problems == ()
    assert "not been synced yet" in result.not_checked[0].reason


def test_a_setting_is_checked_without_figures() -> None:
    assert check("audience_network", campaign(audience_network=True), figures_through=None).problems


def test_yesterday_is_enough() -> None:
    assert check("low_ctr", campaign(clicks=0), figures_through=NOW.date() - DAY).problems


def test_seven_days_without_impressions_need_seven_stored_days() -> None:
    result = check("no_impressions", campaign(seen_lately=0), figures_from=NOW.date() - 6 * DAY)
    assert result.problems == ()
    assert f"Some days since {NOW.date() - 7 * DAY} are not stored" in result.not_checked[0].reason
    assert check("no_impressions", campaign(seen_lately=0), figures_from=NOW.date() - 7 * DAY).problems


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
    assert not rule.check(ad_account(campaign(**changes))).problems
    assert rule.check(ad_account(campaign(**changes), thresholds=Thresholds(**threshold))).problems


# --- Words ---

# Thresholds that nobody has by default.
OWN: dict[str, Any] = {
    "window_days": 17, "quiet_days": 13, "ctr_percent": Decimal("1.250"), "ctr_impressions": 23,
    "spend_without_conversions": Decimal("41.50"), "pace_over_percent": 103, "pace_under_percent": 96, "pace_days": 2,
    "review_days": 19, "end_near_days": 29, "worse_percent": 37,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule_id", "changes", "words"),
    [
        ("low_ctr", {}, ["CTR of 1.00%, below the threshold of 1.25%", "Threshold: 1.25", "in 17 days"]),
        ("low_ctr", {"clicks": 1249}, ["CTR of 1.249%, below the threshold of 1.25%", "CTR: 1.249"]),
        ("spend_without_conversions", {"conversions": 0}, ["for 17 days", "Threshold: 41.5", "Spend in 17 days"]),
        ("no_impressions", {"seen_lately": 0}, ["in 13 days"]),
        ("budget_over_pace", {"paced_spend": Decimal(400)}, ["114% of its plan", "above the threshold of 103%"]),
        ("budget_over_pace", {"paced_spend": Decimal("361.2")}, ["103.2% of its plan", "above the threshold of 103%"]),
        ("budget_under_pace", {"paced_spend": Decimal(250)}, ["71% of its plan", "below the threshold of 96%"]),
        ("audience_network", {"audience_network": True}, ["Spend in 17 days", "Impressions in 17 days"]),
    ],
)
def test_texts_have_the_ad_accounts_own_thresholds(rule_id: str, changes: dict[str, Any], words: list[str]) -> None:
    problem = the_problem(rule_id, campaign(**changes), thresholds=Thresholds(**OWN))
    # How many days a plan has run is no threshold.
    evidence = [f"{one.label}: {one.value}" for one in problem.evidence if one.label != "Plan"]
    text = "\n".join([problem.sentence, *evidence])
    assert not [one for one in words if one not in text], text
    defaults = Thresholds()
    for name in OWN:
        assert not re.search(rf"(?<![\d.]){plain(getattr(defaults, name))}(?![\d.])( days|%)", text), (name, text)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_no_text_of_a_rule_has_a_threshold_in_it(rule: Any) -> None:
    """An ad account may have another one; `stake` speaks of a month, which is no threshold."""
    for text in (rule.title, rule.looks_for, rule.why, rule.remedy):
        assert not re.search(r"\d(?!00 members)", text.replace("300 members", "")), text
    assert set(re.findall(r"\d+", rule.stake)) <= {str(MONTH_DAYS)}


def test_one_day_is_one_day() -> None:
    one: dict[str, Any] = {"window_days": 1, "quiet_days": 1}
    for rule_id, changes in (("low_ctr", {"clicks": 0}), ("no_impressions", {"seen_lately": 0})):
        problem = the_problem(rule_id, campaign(**changes), thresholds=Thresholds(**one))
        assert "1 days" not in f"{problem.sentence} {problem.evidence}"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_the_document_says_what_the_rule_says(rule: Any) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/action-center.md").read_text()
    section = text.split(f"### {rule.title}\n")[1].split("\n### ")[0]
    assert f"`{rule.id}`, {rule.severity.value}." in section
    for line in (f"Looks for: {rule.looks_for}", f"Why it matters: {rule.why}", f"Remedy: {rule.remedy}",
                 f"Spend concerned: {rule.stake}"):  # fmt: skip
        assert f"- {line}\n" in f"{section}\n"


def test_the_document_lists_no_other_rule_and_every_threshold() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/action-center.md").read_text()
    assert text.count("\n### ") == len(RULES)
    columns = {one.name for one in CheckThresholds._meta.concrete_fields} - {"ad_account"}
    assert columns == set(Thresholds.__dataclass_fields__)
    for name in columns:
        assert f"| `{name}` | {getattr(Thresholds(), name)} |" in text


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_remedy_starts_where_the_campaign_is_and_leaves_its_other_name_to_the_page(rule: Any) -> None:
    assert rule.remedy.startswith("In Campaign Manager, open the campaign")
    assert "ad set" not in rule.remedy
    assert rule.severity in set(Severity)
