"""The default thresholds of the checks; each ad account may have its own (`audit_thresholds`)."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The defaults. Amounts are in the ad account's currency, days are whole UTC days before the last sync."""

    window_days: int = 30
    quiet_days: int = 7
    ctr_percent: Decimal = Decimal("0.4")
    ctr_impressions: int = 5000
    spend_without_conversions: Decimal = Decimal(100)
    pace_over_percent: int = 110
    pace_under_percent: int = 70
    pace_days: int = 3
    review_days: int = 2
    end_near_days: int = 7
    worse_percent: int = 50
