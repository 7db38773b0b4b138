"""The schema of the views for BI tools, and what they rest on.

reporting/operations/bi_views.py makes the views after migrating, bi_roles.py beside it the roles that read them.
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import migrations

_VIEWS = (Path(__file__).parent / "sql" / "views_for_bi.sql").read_text()
_NO_VIEWS = """
DROP VIEW IF EXISTS reporting.reporting_campaign_daily, reporting.reporting_creative_daily, reporting.reporting_account_daily,
    reporting.reporting_demographics_monthly;
DROP VIEW reporting_visible_ad_accounts, reporting_synced_ad_accounts;
"""
_RIGHTS = """
SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE'),
       (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'reporting')
"""
_IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'reporting'::regnamespace)"


def make_schema(apps, schema_editor):
    """An administrator may have made it before, for a user who may not."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_RIGHTS)
        [(user, database, may_create, is_ours)] = cursor.fetchall()
        if is_ours is None and may_create:
            cursor.execute("CREATE SCHEMA reporting")
        elif not is_ours:
            remedy = "CREATE SCHEMA reporting AUTHORIZATION" if is_ours is None else "ALTER SCHEMA reporting OWNER TO"
            raise ImproperlyConfigured(
                f"The views for BI tools need a schema “reporting” that {user} owns. As an administrator of the"
                f' database {database} run `{remedy} "{user}"`, then `manage.py migrate` again.'
            )


def remove_schema(apps, schema_editor):
    """Unless it holds something else, or is an administrator's to remove."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_RIGHTS)
        [(_, _, may_create, _)] = cursor.fetchall()
        cursor.execute(_IS_EMPTY)
        if may_create and cursor.fetchone() == (True,):
            cursor.execute("DROP SCHEMA reporting")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_api_tokens"),
        ("ingestion", "0008_settings_of_ad_accounts"),
        ("reporting", "0003_roles_of_bi_tools"),
    ]

    operations = [
        migrations.RunPython(make_schema, remove_schema),
        migrations.RunSQL(_VIEWS, _NO_VIEWS),
    ]
