"""Marks of the transaction on every row that the change feed serves, and a memory of deleted rows."""

import uuid
from pathlib import Path

from django.db import migrations, models

_FEED = (Path(__file__).parent / "sql" / "change_feed.sql").read_text()
_NO_FEED = (Path(__file__).parent / "sql" / "no_change_feed.sql").read_text()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_plainer_help_texts'),
        ('ingestion', '0014_plainer_help_texts'),
        ('reporting', '0009_rename_the_timetable_entry_of_lost_checks'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChangeFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('generation', models.UUIDField(default=uuid.uuid4, help_text='which cursors are valid; new after every restore')),
                ('pruned_through', models.BigIntegerField(default=-1, help_text='highest mark of the deleted rows that are no longer remembered')),
            ],
            options={
                'db_table': 'change_feed',
            },
        ),
        migrations.CreateModel(
            name='DeletedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table_name', models.CharField(help_text='the table that held it', max_length=63)),
                ('account_id', models.BigIntegerField(help_text="LinkedIn's id of its ad account", null=True)),
                ('key', models.JSONField(help_text='the columns that named it')),
                ('change_mark', models.BigIntegerField(help_text='number of the transaction that deleted it')),
                ('deleted_at', models.DateTimeField(help_text='when it was deleted')),
            ],
            options={
                'db_table': 'deleted_rows',
                'indexes': [models.Index(fields=['table_name', 'change_mark', 'id'], name='deleted_rows_by_change')],
            },
        ),
        migrations.RunSQL(_FEED, _NO_FEED),
    ]
