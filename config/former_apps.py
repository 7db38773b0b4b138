"""Apps that nothing uses any more; backups of earlier versions bring their tables along, so their migrations stay."""

from django.apps import AppConfig


class AxesTables(AppConfig):
    """django-axes counted failed logins in 0.1.0. Its own configuration would connect its signals and checks."""

    name = "axes"
    default_auto_field = "django.db.models.AutoField"
