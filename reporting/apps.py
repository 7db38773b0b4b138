from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        from reporting import receivers  # noqa: F401  (connects the receivers)
        from reporting.change_feed import marks
        from reporting.operations import bi_views

        pre_migrate.connect(bi_views.step_aside, sender=self, dispatch_uid="bi_views_step_aside")
        post_migrate.connect(marks.keep_in_the_past, sender=self, dispatch_uid="keep_marks_in_the_past")
        post_migrate.connect(bi_views.refresh, sender=self, dispatch_uid="refresh_bi_views")
