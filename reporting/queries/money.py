"""Amounts with their currency; amounts in different currencies are never added."""

from dataclasses import dataclass
from decimal import Decimal


def by_currency(currency: str | None) -> tuple[bool, str]:
    """The order of currencies wherever several are shown: by code, and last where LinkedIn sent none."""
    return currency is None, currency or ""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and the ISO code of its currency; no code if LinkedIn sent none for the ad account."""

    amount: Decimal
    currency: str | None
