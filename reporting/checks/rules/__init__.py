"""The rules: one small class each, pure functions of `facts.py`, listed in `docs/action-center.md`."""

from typing import Final

from reporting.checks.rules.base import Rule
from reporting.checks.rules.budget import BudgetOverPace, BudgetUnderPace
from reporting.checks.rules.campaign_settings import (
    AudienceExpansion,
    AudienceNetwork,
    MaximumDelivery,
    SingleCreative,
)
from reporting.checks.rules.creatives import HeldCreative
from reporting.checks.rules.delivery import NoImpressions, NoServingCreative
from reporting.checks.rules.results import LowCtr, SpendWithoutConversions
from reporting.checks.rules.schedule import EndNear, EndPassed

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
