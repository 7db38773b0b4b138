"""The timetable: django-celery-beat's admins in the same dress as the rest."""

from typing import Any

from django.contrib import admin
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

from accounts import access
from accounts.admin.base import UnfoldAdmin

# Importing its admin, above, has registered plain ones.
for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)


class _TimetableAdmin(UnfoldAdmin):
    """Seen and changed by those who may start syncs."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)


class TaskSelect(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]
    """The registered tasks, dressed as every other choice."""


class TimetableForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Absent where the person may only look.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(_TimetableAdmin, beat_admin.PeriodicTaskAdmin):  # type: ignore[misc]
    form = TimetableForm


@admin.register(IntervalSchedule, SolarSchedule)
class ScheduleAdmin(_TimetableAdmin, beat_admin.ScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(_TimetableAdmin, beat_admin.CrontabScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(_TimetableAdmin, beat_admin.ClockedScheduleAdmin):  # type: ignore[misc]
    inlines = []
