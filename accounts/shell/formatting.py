"""Instants, days, numbers and amounts as elements that the viewer's browser puts into the viewer's own format.

Without scripts they show UTC and plain digits. Pages use them as template filters, the admin in its columns.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils.html import format_html, format_html_join

from accounts.shell.clock import is_ahead

_ISO_DAY: Final = re.compile(r"(?<![\w-])(\d{4}-\d{2}-\d{2})(?![\w-])", re.ASCII)
_MAX_UNTRUSTED_LENGTH = 100
_AGES = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def instant(value: datetime | None) -> str:
    """2026-11-21 13:05 UTC, in the viewer's zone where scripts run."""
    if value is None:
        return "–"
    return format_html('<time class="instant" datetime="{}">{}</time>', _iso(value), _utc(value))


def age(value: datetime | None, *, now: datetime) -> str:
    """3 hours ago, with the instant for whoever points at it."""
    if value is None:
        return "–"
    return format_html(
        '<time class="age" datetime="{}" title="{}">{}</time>', _iso(value), _utc(value), age_in_words(value, now=now)
    )


def age_in_words(value: datetime, *, now: datetime) -> str:
    """The largest unit alone: three hours ago, without the minutes."""
    seconds = (now - value).total_seconds()
    for size, unit in _AGES:
        count = int(seconds // size)
        if count >= 1:
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return f"{_utc(value)}, in the future" if is_ahead(value, now=now) else "just now"


def day(value: date | None) -> str:
    """A calendar day, which has no time zone."""
    return format_html('<time class="day" datetime="{0}">{0}</time>', value.isoformat()) if value else "–"


def with_days(text: str) -> str:
    """A sentence whose days the viewer's browser writes as it writes all others."""
    parts = _ISO_DAY.split(text)
    return format_html_join("", "{}", ((_part(one),) for one in parts))


def _part(text: str) -> str:
    if not _ISO_DAY.fullmatch(text):
        return text
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def untrusted(text: str) -> str:
    """A text that somebody else wrote, within a plain message: one line in quotation marks, without line breaks."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return f"“{line[:_MAX_UNTRUSTED_LENGTH]}…”" if len(line) > _MAX_UNTRUSTED_LENGTH else f"“{line}”"


def tone(severity: str) -> str:
    """The class of a badge, and so its colour."""
    return {"critical": "bad", "warning": "warn"}.get(severity, "calm")


def number(value: int | float | Decimal | None, decimals: int = 0) -> str:
    """A number with its thousands separated."""
    if value is None:
        return "–"
    plain = f"{value:.{decimals}f}"
    return format_html(
        '<data class="number-of" value="{}" data-decimals="{}">{}</data>', plain, decimals, f"{value:,.{decimals}f}"
    )


def percent(value: float | Decimal | None, decimals: int = 2) -> str:
    """What is stored as hundredths of a whole."""
    return "–" if value is None else _hundredths(f"{value:.{decimals}f}", "percent")


def change(value: float | Decimal | None, decimals: int = 1) -> str:
    """A percentage that says which way it went."""
    return "–" if value is None else _hundredths(f"{value:+.{decimals}f}", "change")


def _hundredths(exact: str, unit: str) -> str:
    """As the report has it: without zeros at the end of the fraction."""
    plain = exact.rstrip("0").rstrip(".") if "." in exact else exact
    plain = "0" if plain in {"-0", "+0"} else plain
    return format_html(
        '<data class="number-of" value="{0}" data-unit="{1}" data-decimals="{2}">{0} %</data>',
        plain,
        unit,
        len(plain.partition(".")[2]),
    )


def money(value: Decimal | None, currency: str | None) -> str:
    """An amount beside its currency; nothing is shown of an amount whose currency is unknown but the digits."""
    if value is None:
        return "–"
    if not currency:
        return number(value, 2)
    return format_html(
        '<data class="number-of" value="{}" data-currency="{}" data-decimals="2">{} {}</data>',
        f"{value:.2f}", currency, f"{value:,.2f}", currency,
    )  # fmt: skip


def size(value: int | None) -> str:
    """A number of bytes in units of a thousand, as settings and disks count them: 20 MB, 1.5 GB."""
    if value is None:
        return "–"
    amount, unit = float(value), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    decimals = 1 if unit != "bytes" and amount < 10 and round(amount, 1) != round(amount) else 0
    return f"{amount:,.{decimals}f} {unit}"


def duration(value: timedelta | float | None) -> str:
    """12 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
