"""No column that can hold something about a person is forgotten, in the models or on the page about privacy."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/privacy.md").read_text()
OURS = {"accounts", "ingestion", "reporting"}
_FREE = (models.CharField, models.TextField, models.JSONField, ArrayField, models.GenericIPAddressField)

# LinkedIn's own words about ads.
_ABOUT_ADS = {"ad_accounts", "campaigns", "creatives", "audience_demographics", "urn_names"}
# Text columns of ours that were judged to hold nothing about a person.
_IMPERSONAL = {
    "api_tokens": {"digest", "token_key", "ad_account_ids", "networks"},
    "audit_alerts": {"rule"},
    "audit_deliveries": {"last_error"},
    "audit_requests": {"trouble"},
    "audits": {"unjudged"},
    "covered_days": {"data_table", "pivot_type"},
    "deleted_rows": {"table_name", "key"},
    "exports": {"of", "ad_account_ids", "named_by_token", "digest", "headers", "trouble"},
    "findings": {"rule_id", "sentence", "evidence", "currency"},
    "incomplete_days": {"differences"},
    "invitations": {"token_digest"},
    "linkedin_ad_account_roles": {"role"},
    "linkedin_connections": {"scopes", "trouble"},
    "recovery_codes": {"salt", "digest"},
    "rejected_records": {"endpoint", "reason"},
    "removed_ad_accounts": {"name"},
    "reporting_roles": {"name", "ad_account_ids"},
    "snapshots": {"schema_version", "digest", "dropped", "trouble"},
    "sync_log": {"errors", "notes", "progress", "reason"},
}
MODELS: list[Any] = sorted(
    (model for app in OURS for model in apps.get_app_config(app).get_models() if not model._meta.proxy),
    key=lambda model: model._meta.db_table,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.db_table)
def test_every_text_was_judged(model):
    """A new text column is named in `personal_data` of its model, or above."""
    table = model._meta.db_table
    free = {field.column for field in model._meta.concrete_fields if isinstance(field, _FREE) and not field.choices}
    free -= {field.column for field in model._meta.concrete_fields if field.is_relation}
    impersonal = free if table in _ABOUT_ADS else _IMPERSONAL.get(table, set())
    assert free - model.personal_data == impersonal


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+` ?)+)\|", PAGE, re.MULTILINE)
    return {table: set(re.findall(r"\w+", columns)) for table, columns in rows}


def test_the_page_names_every_personal_column_of_ours():
    stated = {model._meta.db_table: set(model.personal_data) for model in MODELS if model.personal_data}
    tables = {model._meta.db_table for model in MODELS}
    assert {table: columns for table, columns in documented().items() if table in tables} == stated


@pytest.mark.django_db
def test_the_page_mentions_every_table_and_no_column_that_is_gone():
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {"django_migrations"}
        forgotten = {table for table in tables if f"`{table}`" not in PAGE}
        assert not {table for table in forgotten if not table.startswith("django_celery_beat_")}
        for table, columns in documented().items():
            described = connection.introspection.get_table_description(cursor, table)
            assert columns <= {column.name for column in described}, table
