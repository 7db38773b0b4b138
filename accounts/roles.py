"""Roles as code, weakest last."""

from django.db import models


class Role(models.TextChoices):
    """What a person is here.

    Owners install the service and manage people; managers connect LinkedIn and start syncs; analysts read everything;
    viewers read only the ad accounts granted to them.
    """

    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    ANALYST = "analyst", "Analyst"
    VIEWER = "viewer", "Viewer"


SEES_EVERY_AD_ACCOUNT = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
SEES_COLLEAGUES = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_CONNECT_LINKEDIN = frozenset({Role.OWNER, Role.MANAGER})
MAY_SYNC = frozenset({Role.OWNER, Role.MANAGER})
MAY_TAKE_SNAPSHOTS = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_CHANGE_FINDINGS = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_MANAGE_PEOPLE = frozenset({Role.OWNER})
MAY_REMOVE_AD_ACCOUNTS = frozenset({Role.OWNER})

_EVERYBODY = frozenset(Role)

# Permissions by role, as shown to people and listed in docs/roles.md; `access.py` enforces them.
RIGHTS: dict[str, frozenset[Role]] = {
    "See all ad accounts": SEES_EVERY_AD_ACCOUNT,
    "See the ad accounts granted to them": _EVERYBODY,
    "See who did what, why findings were accepted, who gave consent": SEES_COLLEAGUES,
    "Connect LinkedIn": MAY_CONNECT_LINKEDIN,
    "End a LinkedIn consent they gave": _EVERYBODY,
    "End anyone's LinkedIn consent": MAY_MANAGE_PEOPLE,
    "Start a sync": MAY_SYNC,
    "Change the timetable": MAY_SYNC,
    "Take snapshots": MAY_TAKE_SNAPSHOTS,
    "Run checks; assign, snooze and accept findings": MAY_CHANGE_FINDINGS,
    "Change check thresholds": MAY_SYNC,
    "Create read-only API tokens": _EVERYBODY,
    "Create API tokens that start syncs": MAY_SYNC,
    "Create API tokens that change findings": MAY_CHANGE_FINDINGS,
    "Invite people, change roles and grants, end sessions, unlock logins": MAY_MANAGE_PEOPLE,
    "Read the audit trail": MAY_MANAGE_PEOPLE,
    "Remove an ad account with all its data": MAY_REMOVE_AD_ACCOUNTS,
}


def rights_of(role: str) -> list[str]:
    """The permissions of a role as text; those that a wider one includes are left out."""
    rights = [right for right, roles in RIGHTS.items() if role in roles]
    narrower = {
        "See all ad accounts": "See the ad accounts granted to them",
        "Create API tokens that start syncs": "Create read-only API tokens",
        "Create API tokens that change findings": "Create read-only API tokens",
        "End anyone's LinkedIn consent": "End a LinkedIn consent they gave",
    }
    included = {narrower[right] for right in rights if right in narrower}
    return [right for right in rights if right not in included]
