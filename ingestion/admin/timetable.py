"""The timetable: django-celery-beat's admins in the theme of the others."""

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django_celery_beat import admin as beat_admin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import access, audit_trail
from accounts.access import person_of
from accounts.models import AdAccount
from accounts.shell import formatting
from accounts.shell.admin_base import OneRightAdmin
from accounts.shell.admin_filters import DaysFilter
from ingestion.timetable import ad_account_settings
from ingestion.timetable.schedules import SYNC_TASK, ad_account_of, scheduled_tasks

# Importing its admin, above, has registered plain ones.
for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)
# Breadcrumbs begin with it; as the sidebar calls it.
apps.get_app_config("django_celery_beat").verbose_name = "Timetable"


class _TimetableAdmin(OneRightAdmin[Model]):
    """Seen and changed by those who may start syncs; every change is recorded."""

    nothing_yet = "No entries yet. They are created when beat first starts, and with each ad account."

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Model]", change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            _record("added", request, obj)
        elif form.changed_data:
            _record("changed", request, obj, changed=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        _record("removed", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        with transaction.atomic():
            for entry in queryset:
                self.delete_model(request, entry)


def _record(change: str, request: HttpRequest, entry: Model, **detail: object) -> None:
    audit_trail.record(
        "timetable_changed",
        actor=person_of(request),
        ad_account_id=ad_account_of(entry) if isinstance(entry, PeriodicTask) else None,
        change=change,
        entry=str(entry),
        **detail,
    )


def _record_all(change: str, request: HttpRequest, entries: QuerySet[PeriodicTask]) -> None:
    for entry in entries:
        _record(change, request, entry)


def _record_syncs_by_hand(request: HttpRequest, entries: QuerySet[PeriodicTask]) -> None:
    for entry in entries:
        if ad_account_id := ad_account_of(entry):
            audit_trail.record(
                "sync_started_by_hand", actor=person_of(request), ad_account_id=ad_account_id, by="timetable"
            )


def _without_paused(request: HttpRequest, entries: QuerySet[PeriodicTask]) -> QuerySet[PeriodicTask]:
    """The entries that a worker would not skip; a message names the others and what to do."""
    of_ad_accounts = {entry.pk: ad_account_id for entry in entries if (ad_account_id := ad_account_of(entry))}
    paused_by = ad_account_settings.paused_by(of_ad_accounts.values())
    for ad_account in AdAccount.objects.filter(pk__in=paused_by):
        messages.warning(
            request,
            f"{ad_account} was not run: paused by {paused_by[ad_account.pk]}. Start it from the Sync page, which"
            " ignores a pause, or end the pause in the ad account's settings.",
        )
    return entries.exclude(pk__in=[pk for pk, ad_account_id in of_ad_accounts.items() if ad_account_id in paused_by])


class TaskSelect(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]
    """The registered tasks, styled like every other choice."""


class TimetableForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # Absent where the person may only look.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean()
        if (task := found.get("task")) and task not in scheduled_tasks():
            self.add_error("task", f"“{task}” is no task of the timetable; choose one that it has.")
        return found


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(_TimetableAdmin, beat_admin.PeriodicTaskAdmin):  # type: ignore[misc]
    form = TimetableForm
    list_display = ["name", "enabled", "how_often", "last_run"]
    list_filter = ["enabled", "one_off", "task", ("start_time", DaysFilter), ("last_run_at", DaysFilter)]
    list_filter_submit = True
    readonly_fields = ("last_run", "crontab_translation")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        """What keeps the service itself safe, such as alerts and the outgoing trail, is for owners to switch."""
        entries: QuerySet[PeriodicTask] = super().get_queryset(request)
        return entries if access.may_manage_people(request.user) else entries.filter(task=SYNC_TASK)

    @admin.display(description="runs")
    def how_often(self, entry: PeriodicTask) -> str:
        """Our intervals are minutes; whole hours and days are shown as such."""
        minutes = entry.interval.every if entry.interval and entry.interval.period == "minutes" else 0
        for size, unit in ((24 * 60, "day"), (60, "hour")):
            if minutes and minutes % size == 0:
                return f"every {unit}" if minutes == size else f"every {minutes // size} {unit}s"
        return str(entry.scheduler)

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, entry: PeriodicTask) -> str:
        """A new entry is dated back, so that the turns of all ad accounts spread over the interval."""
        return formatting.instant(entry.last_run_at) if entry.total_run_count else "not yet"

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        """As the list shows it."""
        return [
            (title, options | {"fields": ["last_run" if one == "last_run_at" else one for one in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    @admin.action(description="Enable selected tasks")
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        with transaction.atomic():
            _record_all("switched on", request, queryset)
            super().enable_tasks(request, queryset)

    @admin.action(description="Disable selected tasks")
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        with transaction.atomic():
            _record_all("switched off", request, queryset)
            super().disable_tasks(request, queryset)

    @admin.action(description="Toggle activity of selected tasks")
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        with transaction.atomic():
            _record_all("switched", request, queryset)
            super().toggle_tasks(request, queryset)

    @admin.action(description="Run selected tasks")
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """What is queued here runs whether or not it is due: a sync counts as started by hand.

        Except for paused ad accounts: a worker would skip them silently.
        """
        queryset = _without_paused(request, queryset)
        if not queryset:
            return
        self.celery_app.loader.import_default_modules()
        with transaction.atomic():
            # An unknown task keeps all of them from running.
            if all(entry.task in self.celery_app.tasks for entry in queryset):
                _record_syncs_by_hand(request, queryset)
            super().run_tasks(request, queryset)


@admin.register(IntervalSchedule, SolarSchedule)
class ScheduleAdmin(_TimetableAdmin, beat_admin.ScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(_TimetableAdmin, beat_admin.CrontabScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(_TimetableAdmin, beat_admin.ClockedScheduleAdmin):  # type: ignore[misc]
    inlines = []
