from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and access"

    def ready(self) -> None:
        from accounts import deployment_checks, settings_checks  # noqa: F401  (registers the checks)
        from accounts.sign_in import receivers  # noqa: F401  (connects them)
