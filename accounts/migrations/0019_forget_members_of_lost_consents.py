"""Connections that no longer work and whose person was removed keep no member of LinkedIn."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    connections = apps.get_model("accounts", "LinkedInConnection").objects
    connections.filter(user=None).exclude(state="active").update(member_urn=None)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_second_step"),
    ]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
