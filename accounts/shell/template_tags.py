"""`accounts/shell/formatting.py` for templates."""

import json
from datetime import date
from decimal import Decimal, InvalidOperation

from django import template

from accounts.shell import formatting, linkedin_words

register = template.Library()
for _show in (
    formatting.instant,
    formatting.day,
    formatting.number,
    formatting.money,
    formatting.duration,
    formatting.percent,
    formatting.size,
    formatting.change,
    formatting.tone,
    formatting.with_days,
    formatting.untrusted,
):
    register.filter(_show.__name__, _show)


@register.filter
def evidence(fact: dict[str, str], currency: str | None) -> str:
    """One fact of a finding, in its unit; what is not of that unit is shown as it is."""
    value, unit = fact["value"], fact.get("unit")
    try:
        if unit == "money":
            return formatting.money(Decimal(value), currency)
        if unit == "percent":
            decimals = len(value.partition(".")[2])
            return formatting.percent(Decimal(value), max(2, decimals))
        if unit == "count":
            return formatting.number(int(value))
        if unit == "day":
            return formatting.day(date.fromisoformat(value))
        if unit == "word":
            return linkedin_words.labels(value)
    except (ValueError, InvalidOperation):
        pass
    return value


register.filter("linkedin_word", linkedin_words.label)


@register.filter
def words(value: str) -> str:
    """needs_consent as needs consent."""
    return value.replace("_", " ")


@register.filter
def pretty(value: object) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
