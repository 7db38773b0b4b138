"""Gives refresh tokens of earlier versions the end that LinkedIn documents, and takes ends without a token away."""

from datetime import timedelta

from django.db import migrations
from django.db.models import F


def complete_ends(apps, schema_editor):
    connections = apps.get_model("accounts", "LinkedInConnection").objects
    connections.filter(refresh_token=None).update(refresh_token_expires_at=None)
    endless = connections.filter(refresh_token__isnull=False, refresh_token_expires_at=None)
    endless.update(refresh_token_expires_at=F("connected_at") + timedelta(days=365))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_lists_are_called_as_the_sidebar_says'),
    ]

    operations = [
        migrations.RunPython(complete_ends, migrations.RunPython.noop),
    ]
