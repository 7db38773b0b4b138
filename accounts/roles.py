"""Roles as code, weakest last."""

from django.db import models


class Role(models.TextChoices):
    """What a person is here.

    Owners install and manage people; managers connect LinkedIn and start syncs; analysts read everything;
    viewers read only the ad accounts granted to them.
    """

    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    ANALYST = "analyst", "Analyst"
    VIEWER = "viewer", "Viewer"


SEES_EVERY_AD_ACCOUNT = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_CONNECT_LINKEDIN = frozenset({Role.OWNER, Role.MANAGER})
MAY_SYNC = frozenset({Role.OWNER, Role.MANAGER})
MAY_MANAGE_PEOPLE = frozenset({Role.OWNER})
