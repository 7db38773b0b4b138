"""Sessions of earlier versions go: their keys were stored as they are. People sign in once more."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0021_failed_logins_by_account_and_network'),
        ('qsessions', '0002_session_created_at'),
    ]

    operations = [
        migrations.RunSQL('DELETE FROM qsessions_session', migrations.RunSQL.noop),
    ]
