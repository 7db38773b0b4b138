"""Instants, days and numbers as elements that the viewer's browser puts into the viewer's own format."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.utils.html import format_html

register = template.Library()


@register.filter
def instant(value: datetime | None) -> str:
    """2026-11-21 13:05 UTC, in the viewer's zone where scripts run."""
    if value is None:
        return "–"
    utc = value.astimezone(UTC)
    return format_html(
        '<time class="instant" datetime="{}">{} UTC</time>',
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{utc:%Y-%m-%d %H:%M}",
    )


@register.filter
def day(value: date | None) -> str:
    """A calendar day, which has no time zone."""
    return format_html('<time class="day" datetime="{0}">{0}</time>', value.isoformat()) if value else "–"


@register.filter
def number(value: int | float | Decimal | None, decimals: int = 0) -> str:
    """A number with its thousands apart."""
    if value is None:
        return "–"
    plain = f"{value:.{decimals}f}"
    return format_html(
        '<data class="number-of" value="{}" data-decimals="{}">{}</data>', plain, decimals, f"{value:,.{decimals}f}"
    )


@register.filter
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


@register.filter
def evidence(fact: dict[str, str], currency: str | None) -> str:
    """One fact of a finding, in its unit; what is not of that unit is shown as it is."""
    value, unit = fact["value"], fact.get("unit")
    try:
        if unit == "money":
            return money(Decimal(value), currency)
        if unit == "percent":
            return format_html("{} %", number(Decimal(value), 2))
        if unit == "count":
            return number(int(value))
        if unit == "day":
            return day(date.fromisoformat(value))
    except (ValueError, InvalidOperation):
        pass
    return value


@register.filter
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


@register.filter
def words(value: str) -> str:
    """needs_consent as needs consent."""
    return value.replace("_", " ")


@register.filter
def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
