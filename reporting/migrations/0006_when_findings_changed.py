import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reporting', '0005_audits_that_wait'),
    ]

    operations = [
        migrations.AddField(
            model_name='finding',
            name='changed_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='when anything but `last_seen_at` last changed: evidence, state, assignee'),
        ),
    ]
