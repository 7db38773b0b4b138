from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and access"

    def ready(self) -> None:
        from accounts import deployment_checks, settings_checks  # noqa: F401  (registers the checks)
        from accounts.sign_in import receivers

        if apps.is_installed("axes"):
            from axes.signals import user_locked_out

            user_locked_out.connect(receivers.record_lock_out, dispatch_uid="audit_lock_out")
