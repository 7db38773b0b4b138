"""What happened: the figures of one creative on one day, and sums of them.

Money is a whole number of 1e-20 of the account's currency, so that sums are exact and the decimals served
can be as odd as LinkedIn's. One stir of the seed per row, arithmetic from there: about 3 µs.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from .chance import GOLDEN, MASK
from .world import CENT, Habits

# impressions, clicks, spend, landing page clicks, conversions, likes, comments, shares, follows, leads,
# opens, sends, video views, conversion value
Figures: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int]

IMPRESSIONS, CLICKS, SPEND, LANDING_PAGE_CLICKS, CONVERSIONS, LIKES, COMMENTS = range(7)
SHARES, FOLLOWS, LEADS, OPENS, SENDS, VIDEO_VIEWS, CONVERSION_VALUE = range(7, 14)
NOTHING: Figures = (0,) * 14
MONEY_SCALE = 20
_ONE = 10**MONEY_SCALE
_PLAIN_FROM = _ONE // 10**6
_WEEK = (1070, 1180, 1190, 1130, 980, 560, 520)
_YEAR = (900, 980, 1060, 1080, 1060, 1000, 880, 820, 1060, 1140, 1120, 900)


@lru_cache(maxsize=8_192)
def season(ordinal: int, first_day: int) -> int:
    """Give how busy a day is in parts of 1,024: weekly rhythm, time of year, slow growth."""
    month = date.fromordinal(ordinal).month
    growth = 900 + min(max(ordinal - first_day, 0), 3650) // 4
    return _WEEK[(ordinal - 1) % 7] * _YEAR[month - 1] * growth // 1_000_000


def creative_day(habits: Habits, ordinal: int, busy: int) -> Figures | None:
    """Give the figures of one creative on one day, or None where nothing happened."""
    (_, _, _, _, _, key, first, last, threshold, base, click_rate, conversion_rate, lead_rate, video_rate,
     like_rate, is_message, per_impression, per_click, conversion_value) = habits  # fmt: skip
    if ordinal < first or ordinal > last:
        return None
    # mix(), written out: a call would cost a third of the row
    number = (key ^ ordinal * GOLDEN) & MASK
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & MASK
    number ^= number >> 31
    if number & 0xFFFF >= threshold:
        return None
    if number >> 58 == 63:
        return _hardly_anything(number, is_message)
    impressions = (base * busy * (512 + (number >> 16 & 1023)) >> 20) + 1
    clicks = (impressions * click_rate + (number >> 24 & 0xFFFF)) >> 16
    landing = (clicks * 52_000 + (number >> 28 & 0xFFFF)) >> 16
    conversions = (landing * conversion_rate + (number >> 32 & 0xFFFF)) >> 16
    likes = (impressions * like_rate + (number >> 36 & 0xFFFF)) >> 16
    comments = (likes * 5_000 + (number >> 40 & 0xFFFF)) >> 16 if likes else 0
    shares = (likes * 3_500 + (number >> 44 & 0xFFFF)) >> 16 if likes else 0
    follows = (likes * 2_500 + (number >> 20 & 0xFFFF)) >> 16 if likes else 0
    leads = (clicks * lead_rate + (number >> 34 & 0xFFFF)) >> 16
    video = (impressions * video_rate + (number >> 22 & 0xFFFF)) >> 16
    sends = impressions if is_message else 0
    opens = (sends * 31_000 + (number >> 26 & 0xFFFF)) >> 16
    spend = impressions * per_impression + clicks * per_click
    odd = number >> 60
    if odd > 7:
        spend = _with_noise(spend, odd, number)
    value = conversions * conversion_value
    return (impressions, clicks, spend, landing, conversions, likes, comments, shares, follows, leads,
            opens, sends, video, value)  # fmt: skip


def _hardly_anything(number: int, is_message: bool) -> Figures:
    """Give one day in 64: a few impressions that cost nothing, or LinkedIn's dust of -2E-18."""
    impressions = 1 + (number >> 16 & 3)
    sends = impressions if is_message else 0
    return (impressions, 0, -200 if number >> 20 & 1 else 0, 0, 0, 0, 0, 0, 0, 0, 0, sends, 0, 0)


def _with_noise(spend: int, odd: int, number: int) -> int:
    """Give the spend as a float-minded backend would: off by a few 1e-14, or with all 20 decimals."""
    if not spend:
        return -200 if odd & 1 else 0
    if odd < 14:
        return spend + ((number >> 18 & 63) - 32) * 1_000_000
    return spend + (number >> 12 & 0xFFFFFFFFFFF)


def restated(figures: Figures, generation: int, key: int, ordinal: int) -> Figures:
    """Give the figures after LinkedIn restated the day `generation` times: conversions arrive late."""
    late = generation * (1 + (key ^ ordinal) % 3)
    changed = list(figures)
    changed[IMPRESSIONS] += generation * 2
    changed[CONVERSIONS] += late
    changed[SPEND] += generation * 3 * CENT
    changed[CONVERSION_VALUE] += late * 50 * CENT
    return tuple(changed)  # type: ignore[return-value]


def added(rows: Sequence[Figures]) -> Figures:
    """Give the exact sum of rows."""
    if len(rows) == 1:
        return rows[0]
    return tuple(map(sum, zip(*rows, strict=True))) if rows else NOTHING  # type: ignore[return-value]


def money(units: int, scale: int = MONEY_SCALE) -> str:
    """Give an amount as LinkedIn prints it: plain, or with an exponent where it is mere dust."""
    if not units:
        return "0.0"
    if scale == MONEY_SCALE and units >= _PLAIN_FROM:
        whole, fraction = divmod(units, _ONE)
        return f"{whole}.{fraction:020d}".rstrip("0") if fraction else f"{whole}.0"
    return _printed(units, scale)


def _printed(units: int, scale: int) -> str:
    if abs(units) < 10 ** (scale - 6):
        digits = str(abs(units)).rstrip("0")
        exponent = len(str(abs(units))) - len(digits) - scale
        return str(Decimal((int(units < 0), tuple(map(int, digits)), exponent)))
    sign, units = ("-" if units < 0 else ""), abs(units)
    whole, fraction = divmod(units, 10**scale)
    return sign + f"{whole}.{fraction:0{scale}d}".rstrip("0") + ("0" if not fraction else "")
