"""This room in the admin, one file per subject; `access.py` decides who sees what.

Django's own permission tables are not used.
"""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin import (
    ad_accounts,
    api_tokens,
    audit_alerts,
    audit_events,
    connections,
    people,
    service_accounts,
)

__all__ = [
    "ad_accounts",
    "api_tokens",
    "audit_alerts",
    "audit_events",
    "connections",
    "people",
    "service_accounts",
]

# Roles are code, so nothing would read a group.
admin.site.unregister(Group)
