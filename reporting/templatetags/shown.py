"""`accounts/shown.py` for templates."""

import json
from typing import Any

from django import template

from accounts import shown

register = template.Library()
for _show in (shown.instant, shown.day, shown.number, shown.money, shown.duration, shown.percent):
    register.filter(_show.__name__, _show)


@register.filter
def words(value: str) -> str:
    """needs_consent as needs consent."""
    return value.replace("_", " ")


@register.filter
def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
