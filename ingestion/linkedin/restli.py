"""How LinkedIn writes parameters and URNs (Rest.li 2.0), whatever the endpoint.

Structure characters stay literal and every primitive is percent-encoded on its own: encoding the structure
too is refused with PARAM_INVALID. Source: LinkedIn Marketing, "Protocol Versions" and "URNs", 202602.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeAlias
from urllib.parse import quote

Value: TypeAlias = "str | int | bool | date | Sequence[Value] | Mapping[str, Value]"

_NUMBERED_URN = re.compile(r"urn:li:[A-Za-z]\w*:([1-9][0-9]{0,18})", re.ASCII)
_MAX_ID = 2**63 - 1


def encode(value: Value) -> str:
    """The value as written in a query string or a path, e.g. `List(urn%3Ali%3Atitle%3A9,ACTIVE)`."""
    if isinstance(value, str):
        # An empty string would vanish between two commas; Rest.li writes it as two quotes.
        return quote(value, safe="-_.~") if value else "''"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return f"(year:{value.year},month:{value.month},day:{value.day})"
    if isinstance(value, Mapping):
        return "(" + ",".join(f"{encode(key)}:{encode(item)}" for key, item in value.items()) + ")"
    return "List(" + ",".join(encode(item) for item in value) + ")"


def query(*, fields: Sequence[str] | None = None, **params: "Value | None") -> str:
    """The query string in the order given, None left out; `fields` comes last, as a raw comma list."""
    parts = [f"{name}={encode(value)}" for name, value in params.items() if value is not None]
    if fields:
        parts.append("fields=" + ",".join(fields))
    return "&".join(parts)


def date_range(first_day: date, last_day: date) -> dict[str, Value]:
    """The record LinkedIn takes as `dateRange`; both days are included and are UTC days.

    Raises ValueError when the last day lies before the first.
    """
    if last_day < first_day:
        raise ValueError(f"the last day {last_day} is before the first day {first_day}")
    return {"start": first_day, "end": last_day}


def urn(kind: str, number: int | str) -> str:
    """The URN, e.g. `urn:li:sponsoredAccount:507`."""
    return f"urn:li:{kind}:{number}"


def urn_id(text: str) -> int:
    """The number at the end of a URN such as `urn:li:sponsoredCampaign:42`, positive and below 2**63.

    Raises ValueError when the text is no URN with a number.
    """
    match = _NUMBERED_URN.fullmatch(text)
    if not match or int(match[1]) > _MAX_ID:
        raise ValueError(f"{text[:100]!r} is not a URN with a number")
    return int(match[1])
