from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and access"

    def ready(self) -> None:
        from accounts import audit, checks  # noqa: F401  (registers checks and the guard of the audit trail)
