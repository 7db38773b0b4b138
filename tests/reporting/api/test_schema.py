"""The OpenAPI document: the one in docs/ is the code's, and every field says what it is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from tests.reporting.api.asking import token_of

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return found


def test_the_document_is_the_codes(tmp_path: Path) -> None:
    """`make openapi` writes it anew. The generator warns of nothing."""
    call_command("spectacular", file=str(tmp_path / "openapi.yaml"), validate=True, fail_on_warn=True)
    assert DOCUMENT.read_text() == (tmp_path / "openapi.yaml").read_text(), "run `make openapi`"


def test_every_field_and_parameter_says_what_it_is(document: dict[str, Any]) -> None:
    silent = [
        f"{component}.{name}"
        for component, schema in document["components"]["schemas"].items()
        for name, field in schema.get("properties", {}).items()
        if not component.startswith("Paginated") and not field.get("description")
    ]
    assert silent == []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for parameter in operation.get("parameters", []):
                known = parameter["name"] in {"id", "page", "format"} or parameter.get("description")
                assert known, (path, parameter["name"])


def test_every_operation_documents_its_errors(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            wanted = {"400", "401", "403", "429", "503"} | ({"404"} if "{" in path else set())
            assert wanted <= operation["responses"].keys(), path
            body = operation["responses"]["401"]["content"]
            assert body == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


# Words that meant the same as others: the document, files and snapshots hold none of them.
_OTHER_WORDS = {
    "account_id", "ctr", "share_pct", "coverage_pct", "cpl", "content_name", "campaign_group", "date_start", "date_end",
    "judged_at", "unjudged", "changed_since",
}  # fmt: skip
# What narrows a list without being one of its fields.
_NO_FIELDS = {"search", "missing", "fields", "order", "page", "page_size", "cursor", "format", "dialect"}


def test_one_thing_has_one_name(document: dict[str, Any]) -> None:
    described = [document, json.loads((DOCUMENT.parent / "snapshot.schema.json").read_text())]
    names = {name for one in described for name in _names(one)}
    assert {"ad_account_id", "ctr_percent", "share_percent", "creative_name", "month_start"} <= names
    assert names.isdisjoint(_OTHER_WORDS)


def _names(node: Any) -> Iterator[str]:
    """Of all properties and parameters."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        yield from [node["name"]] if "in" in node else []
        for child in node.values():
            yield from _names(child)
    elif isinstance(node, list):
        for child in node:
            yield from _names(child)


def test_fields_leaves_out_nothing_that_a_client_counts_on(document: dict[str, Any]) -> None:
    """Generated clients fail where a field is missing that the document requires."""
    schemas, rows = document["components"]["schemas"], []
    for operations in document["paths"].values():
        get = operations.get("get", {"parameters": []})
        if "fields" in [one["name"] for one in get.get("parameters", [])]:
            body = get["responses"]["200"]["content"]["application/json"]["schema"]
            schema = schemas[body["$ref"].split("/")[-1]]
            if "results" in schema["properties"]:
                schema = schemas[schema["properties"]["results"]["items"]["$ref"].split("/")[-1]]
            rows.append(schema)
    assert len(rows) == 17
    assert not [row for row in rows if row.get("required")]


def test_the_document_names_all_that_linters_ask_for(document: dict[str, Any]) -> None:
    """As Redocly's and Spectral's recommended rules do; the project has no licence to name."""
    tags = {one["name"] for one in document["tags"]}
    assert document["servers"]
    assert document["info"]["contact"]
    assert all(one["description"] for one in document["tags"])
    for path, operations in document["paths"].items():
        assert not path.endswith("/")
        for operation in operations.values():
            assert operation["tags"]
            assert set(operation["tags"]) <= tags
    assert "nullable" not in DOCUMENT.read_text()


def test_a_filter_is_called_what_it_filters(document: dict[str, Any]) -> None:
    """In lists; a range adds where it begins and ends."""
    schemas, lists = document["components"]["schemas"], 0
    for path, operations in document["paths"].items():
        parameters = [one["name"] for one in operations.get("get", {}).get("parameters", []) if one["in"] == "query"]
        if "order" not in parameters or path.startswith("/api/v1/reports/"):
            continue
        page = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        row = schemas[page["$ref"].split("/")[-1]]["properties"]["results"]["items"]["$ref"].split("/")[-1]
        lists += 1
        for name in set(parameters) - _NO_FIELDS:
            field = re.sub("_(from|to|before)$", "", name)
            assert field in schemas[row]["properties"], (path, name)
    assert lists == 10


@pytest.mark.django_db
def test_the_schema_is_served_to_tokens(alice: Any) -> None:
    response = Client().get("/api/v1/schema/", headers=token_of(alice))
    served = yaml.safe_load(response.content)
    assert served["openapi"].startswith("3.")
    assert "/api/v1/campaign-metrics" in served["paths"]


@pytest.mark.django_db
def test_swagger_ui_has_no_script_in_its_page(as_alice: Client) -> None:
    page = as_alice.get("/api/v1/docs/").content.decode()
    assert page.count("<script") == page.count("<script src=") == 3
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "https://" not in page
    script = as_alice.get("/api/v1/docs/?script=")
    assert script["Content-Type"] == "application/javascript"
    assert "/api/v1/schema/" in script.content.decode()
