"""A way to read a snapshot whole."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema

from accounts.models import AdAccount
from reporting.periods import Period
from reporting.snapshots.assembly import Written, write_document
from tests.builders import NOW

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "snapshot.schema.json"
PERIOD = Period(NOW.date().replace(month=10, day=21), NOW.date().replace(day=19))
PLENTY = 10**9


def written(ad_account: AdAccount, period: Period = PERIOD, *, max_bytes: int = PLENTY) -> tuple[Any, Written]:
    """The document, read back and valid, and what its writer says of it."""
    file = io.BytesIO()
    told = write_document(file, ad_account=ad_account, period=period, now=NOW, max_bytes=max_bytes)
    assert told.size_bytes == len(file.getvalue())
    found = json.loads(file.getvalue())
    assert_valid(found)
    return found, told


def assert_valid(found: Any) -> None:
    """Against the published schema, and no key that it does not name."""
    schema = _without_other_keys(json.loads(SCHEMA.read_text()))
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())


def _without_other_keys(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_other_keys(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _without_other_keys(value) for key, value in schema.items()}
    return closed | {"additionalProperties": False} if "properties" in closed else closed


def amounts(figures: dict[str, Any]) -> dict[str, Decimal]:
    """Figures as numbers, so that they can be added and compared."""
    return {name: Decimal(value) for name, value in figures.items() if name != "date" and value is not None}
