"""What was renamed keeps what an installation of the version before had: rows, permissions, an operator's changes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from ingestion.timetable import schedules
from reporting import tasks
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


@pytest.mark.slow
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


OLD_ENTRY, NEW_ENTRY = "Have forgotten audits judged", "Queue lost checks again"


@contextmanager
def before_the_entry_was_renamed() -> Iterator[None]:
    MigrationExecutor(connection).migrate([("reporting", "0008_permissions_of_checks")])
    try:
        yield
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes("reporting"))


def entry(name: str, **changed) -> PeriodicTask:
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    values = {"task": tasks.requeue_lost_checks.name, "interval": hourly, **changed}
    return PeriodicTask.objects.create(name=name, **values)


def columns_but_name(pk: int) -> dict[str, object]:
    values = PeriodicTask.objects.filter(pk=pk).values().get()
    del values["name"]
    return values


@pytest.mark.django_db
@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_renamed_timetable_entry_keeps_what_an_operator_changed(is_enabled):
    with before_the_entry_was_renamed():
        old = entry(OLD_ENTRY, enabled=is_enabled, description="Hourly is enough for us.", total_run_count=7)
        before = columns_but_name(old.pk)
    assert PeriodicTask.objects.get(pk=old.pk).name == NEW_ENTRY
    assert columns_but_name(old.pk) == before
    schedules.schedule_regular_tasks()
    assert [one.pk for one in PeriodicTask.objects.filter(task=tasks.requeue_lost_checks.name)] == [old.pk]
    assert columns_but_name(old.pk) == before


@pytest.mark.django_db
def test_a_renamed_timetable_entry_replaces_one_that_beat_made_before_the_migration():
    with before_the_entry_was_renamed():
        old = entry(OLD_ENTRY, enabled=False)
        schedules.schedule_regular_tasks()
        assert PeriodicTask.objects.filter(task=tasks.requeue_lost_checks.name).count() == 2
    [kept] = PeriodicTask.objects.filter(task=tasks.requeue_lost_checks.name)
    assert (kept.pk, kept.name, kept.enabled) == (old.pk, NEW_ENTRY, False)


@pytest.mark.django_db
def test_a_timetable_entry_that_an_operator_removed_is_not_made_by_the_migration():
    with before_the_entry_was_renamed():
        other = entry("Ours", task="reporting.tasks.prune_snapshots")
    assert [one.pk for one in PeriodicTask.objects.all()] == [other.pk]


@pytest.mark.django_db
def test_a_timetable_entry_has_its_former_name_in_the_version_before():
    kept = entry(NEW_ENTRY, enabled=False)
    before = columns_but_name(kept.pk)
    with before_the_entry_was_renamed():
        assert PeriodicTask.objects.get(pk=kept.pk).name == OLD_ENTRY
    assert PeriodicTask.objects.get(pk=kept.pk).name == NEW_ENTRY
    assert columns_but_name(kept.pk) == before
