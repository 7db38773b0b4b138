"""The audit's rules: one small class each, pure functions of `facts.py`, listed in `docs/action-center.md`."""

from typing import Final

from reporting.audit_rules.base import Rule
from reporting.audit_rules.bidding import MaximumDelivery
from reporting.audit_rules.budget import BudgetOverPace, BudgetUnderPace
from reporting.audit_rules.creatives import HeldCreative, NoServingCreative, SingleCreative
from reporting.audit_rules.reach import AudienceExpansion, AudienceNetwork
from reporting.audit_rules.results import LowCtr, NoImpressions, SpendWithoutConversions
from reporting.audit_rules.schedule import EndNear, EndPassed

_ALL: tuple[Rule, ...] = (
    NoServingCreative(),
    NoImpressions(),
    SpendWithoutConversions(),
    BudgetOverPace(),
    AudienceNetwork(),
    AudienceExpansion(),
    LowCtr(),
    HeldCreative(),
    EndPassed(),
    MaximumDelivery(),
    SingleCreative(),
    BudgetUnderPace(),
    EndNear(),
)
RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in _ALL}
