"""Failed logins, stored by django-axes; its table shown under this room's name."""

from axes.models import AccessAttempt


class FailedLogin(AccessAttempt):  # type: ignore[misc]
    """Wrong passwords for one address from one place; deleting the row unlocks it."""

    class Meta:
        proxy = True
        app_label = "accounts"
        verbose_name = "failed login"

    def __str__(self) -> str:
        return f"{self.username} from {self.ip_address}"
