"""Amounts beside their currency; amounts of different currencies are never added."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and the ISO code of its currency; no code where LinkedIn did not tell the ad account's."""

    amount: Decimal
    currency: str | None
