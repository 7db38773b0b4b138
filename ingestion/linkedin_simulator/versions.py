"""Which API versions LinkedIn answers on a given day.

Source: the sunset dates published for 202508 to 202607. Later versions are monthly releases supported for
at least a year, sunset near the 15th; December has no release.
"""

from collections.abc import Sequence
from datetime import date

_SUNSETS = {
    "202508": date(2026, 8, 17),
    "202509": date(2026, 9, 15),
    "202510": date(2026, 10, 15),
    "202511": date(2026, 11, 16),
    "202601": date(2027, 1, 15),
    "202602": date(2027, 2, 15),
    "202603": date(2027, 3, 16),
    "202604": date(2027, 4, 15),
    "202605": date(2027, 5, 15),
    "202606": date(2027, 6, 15),
    "202607": date(2027, 7, 15),
    "202608": date(2027, 8, 15),
    "202609": date(2027, 9, 15),
    "202610": date(2027, 10, 15),
    "202611": date(2027, 11, 15),
}


def is_active(version: str, today: date, *, only: Sequence[str] | None = None) -> bool:
    """Whether LinkedIn would answer this version today; `only` replaces the published list."""
    if only is not None:
        return version in only
    sunset = _SUNSETS.get(version)
    return sunset is not None and today < sunset
