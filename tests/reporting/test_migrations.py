"""Renamed models: an installation of the version before keeps its rows, and its permissions under the new names."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from reporting.models import CheckRequest, CheckRun, CheckThresholds

BEFORE, AFTER = ("reporting", "0006_when_findings_changed"), ("reporting", "0008_permissions_of_checks")


def codenames(apps) -> set[str]:
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="reporting")
    return set(permissions.values_list("codename", flat=True))


def test_the_tables_of_the_checks_keep_their_names():
    assert [one._meta.db_table for one in (CheckRun, CheckRequest, CheckThresholds)] == [
        "audits", "audit_requests", "audit_thresholds",
    ]  # fmt: skip


@pytest.mark.django_db
def test_renaming_the_models_sends_no_statement_to_the_database():
    executor = MigrationExecutor(connection)
    [renaming] = [key for key in executor.loader.disk_migrations if key[1] == "0007_audits_are_called_checks"]
    plan = [(executor.loader.graph.nodes[renaming], False)]
    statements = executor.loader.collect_sql(plan)
    assert [line for line in statements if line and not line.startswith("--")] in ([], ["BEGIN;", "COMMIT;"])


@pytest.mark.django_db
def test_permissions_follow_the_renamed_models():
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE])
    try:
        old = executor.loader.project_state([BEFORE]).apps
        content_type, _ = old.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label="reporting", model="auditthresholds"
        )
        old.get_model("auth", "Permission").objects.get_or_create(
            codename="view_auditthresholds", content_type=content_type
        )
        MigrationExecutor(connection).migrate([AFTER])
        assert "view_checkthresholds" in codenames(old)
        assert not {one for one in codenames(old) if "audit" in one}
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes("reporting"))
