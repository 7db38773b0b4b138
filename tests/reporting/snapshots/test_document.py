"""The published schema is the code's, and says what it means."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from reporting.metrics import COLUMNS, Type
from reporting.snapshots import document
from reporting.snapshots.document import exact
from tests.reporting.snapshots.reading import SCHEMA


def test_the_published_schema_is_the_codes() -> None:
    """`make openapi` writes it anew."""
    assert json.loads(SCHEMA.read_text()) == document.schema(), "run `make openapi`"


def test_the_published_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_every_figure_is_defined() -> None:
    defined = document.definitions()
    assert set(defined) == set(document.Summary.model_fields) >= {column.name for column in COLUMNS}
    assert defined["cost_per_lead"].formula == "spend / leads"
    assert defined["ctr_percent"].formula == "clicks / impressions · 100"


@pytest.mark.parametrize(
    ("value", "text"),
    [("0E-10", "0"), ("12.3400000000", "12.34"), ("100", "100"), ("-0.5000", "-0.5"), ("1E+3", "1000"), ("7.000", "7")],
)
def test_money_is_written_exactly(value: str, text: str) -> None:
    assert exact(Decimal(value)) == text


@pytest.mark.parametrize("broken", [{"impressions": -1}, {"spend": "12,5"}, {"spend": 12.5}, {"date": "yesterday"}])
def test_a_day_that_makes_no_sense_is_refused(broken: dict[str, Any]) -> None:
    day = {one.name: 0 if one.type is Type.COUNT else "0" for one in COLUMNS} | {"date": "2026-11-19"}
    document.SnapshotDay.model_validate_json(json.dumps(day))
    with pytest.raises(ValueError, match="1 validation error"):
        document.SnapshotDay.model_validate_json(json.dumps(day | broken))


def _marked(schema: dict[str, Any], part: Any, path: str = "") -> Iterator[str]:
    """The paths at which the schema marks a text of others."""
    if part.get("x-untrusted"):
        yield path
    for inner in (*part.get("anyOf", ()), *part.get("allOf", ())):
        yield from _marked(schema, inner, path)
    if "$ref" in part:
        yield from _marked(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], path)
    if "items" in part:
        yield from _marked(schema, part["items"], f"{path}[]")
    if isinstance(part.get("additionalProperties"), dict):
        yield from _marked(schema, part["additionalProperties"], f"{path}.*")
    for name, inner in part.get("properties", {}).items():
        yield from _marked(schema, inner, f"{path}.{name}".lstrip("."))


def test_the_schema_marks_the_texts_that_the_document_lists() -> None:
    schema: Any = document.schema()
    assert sorted(_marked(schema, schema)) == sorted(document.UNTRUSTED_PATHS)
