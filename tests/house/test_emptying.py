"""No test finds what another has committed."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from accounts import audit_trail
from tests.builders import make_access, make_campaign_day
from tests.emptying import empty_tables


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_of_what_a_test_committed() -> None:
    rights = Permission.objects.count()
    assert tables_with_rows() == {"auth_permission", "django_content_type"}
    make_access()
    make_campaign_day()
    Group.objects.create(name="left over").permissions.set(Permission.objects.all()[:1])
    audit_trail.record("consent_given")
    assert tables_with_rows() > {"ad_account_access", "campaign_daily_metrics", "audit_events", "auth_group"}
    empty_tables()
    assert tables_with_rows() == {"auth_permission", "django_content_type"}
    assert Permission.objects.count() == rights


def tables_with_rows() -> set[str]:
    """But for those of Django's own book of migrations."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = set()
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
            if cursor.fetchone()[0]:
                found.add(table)
    return found
