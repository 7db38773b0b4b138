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
MAY_CONNECT_LINKEDIN = frozenset({Role.OWNER, Role.MANAGER})
MAY_SYNC = frozenset({Role.OWNER, Role.MANAGER})
MAY_TAKE_SNAPSHOTS = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_CHANGE_FINDINGS = frozenset({Role.OWNER, Role.MANAGER, Role.ANALYST})
MAY_MANAGE_PEOPLE = frozenset({Role.OWNER})
MAY_REMOVE_AD_ACCOUNTS = frozenset({Role.OWNER})

_EVERYBODY = frozenset(Role)

# What a role may do, as pages and docs/roles.md show it; `access.py` decides.
RIGHTS: dict[str, frozenset[Role]] = {
    "See every ad account": SEES_EVERY_AD_ACCOUNT,
    "See the ad accounts granted to them": _EVERYBODY,
    "Connect LinkedIn": MAY_CONNECT_LINKEDIN,
    "End a LinkedIn consent they gave": _EVERYBODY,
    "End anybody's LinkedIn consent": MAY_MANAGE_PEOPLE,
    "Start a sync": MAY_SYNC,
    "Change what runs when": MAY_SYNC,
    "Take snapshots": MAY_TAKE_SNAPSHOTS,
    "Run checks; assign, snooze and accept findings": MAY_CHANGE_FINDINGS,
    "Change the thresholds of checks": MAY_SYNC,
    "Make API tokens for reading": _EVERYBODY,
    "Make API tokens that start syncs": MAY_SYNC,
    "Make API tokens that change findings": MAY_CHANGE_FINDINGS,
    "Invite people, change roles and grants, end sessions, unlock logins": MAY_MANAGE_PEOPLE,
    "Read the audit trail": MAY_MANAGE_PEOPLE,
    "Remove an ad account with all its data": MAY_REMOVE_AD_ACCOUNTS,
}


def rights_of(role: str) -> list[str]:
    """What a role may do, in words, without what a wider right includes."""
    rights = [right for right, roles in RIGHTS.items() if role in roles]
    narrower = {
        "See every ad account": "See the ad accounts granted to them",
        "Make API tokens that start syncs": "Make API tokens for reading",
        "Make API tokens that change findings": "Make API tokens for reading",
        "End anybody's LinkedIn consent": "End a LinkedIn consent they gave",
    }
    included = {narrower[right] for right in rights if right in narrower}
    return [right for right in rights if right not in included]
