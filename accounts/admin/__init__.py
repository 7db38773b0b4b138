"""This room in the admin, one file per subject; who sees what is asked of `access.py`.

Django's own permission tables are not used.
"""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin import ad_accounts, api_tokens, audit_events, connections, people

__all__ = ["ad_accounts", "api_tokens", "audit_events", "connections", "people"]

# Roles are code; groups would promise something that nothing reads.
admin.site.unregister(Group)
