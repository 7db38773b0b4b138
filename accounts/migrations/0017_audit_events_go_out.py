"""Events of the audit trail that wait to leave the database, and those that owners are to know of at once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_plainer_help_texts'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('destination', models.TextField(choices=[('syslog', 'Syslog'), ('webhook', 'Webhook'), ('mail', 'E-mail to owners')], help_text='where to')),
                ('attempts', models.IntegerField(default=0, help_text='how often it was tried in vain')),
                ('next_attempt_at', models.DateTimeField(help_text='not before')),
                ('last_error', models.TextField(help_text='why the last attempt failed', null=True)),
                ('event', models.ForeignKey(db_index=False, help_text='what is sent', on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='accounts.auditevent')),
            ],
            options={
                'verbose_name': 'unsent event',
                'verbose_name_plural': 'unsent events',
                'db_table': 'audit_deliveries',
                'ordering': ['event_id'],
                'constraints': [models.UniqueConstraint(fields=('event', 'destination'), name='an_event_waits_once_per_destination')],
            },
        ),
        migrations.CreateModel(
            name='AuditAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.TextField(help_text='which rule matched, such as made_owner')),
                ('raised_at', models.DateTimeField(auto_now_add=True)),
                ('seen_at', models.DateTimeField(help_text='when an owner marked it as seen', null=True)),
                ('event', models.ForeignKey(db_index=False, help_text='what happened', on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='accounts.auditevent')),
                ('seen_by', models.ForeignKey(db_index=False, help_text='who did', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'alert',
                'db_table': 'audit_alerts',
                'ordering': ['-raised_at'],
                'constraints': [models.UniqueConstraint(fields=('event', 'rule'), name='an_event_alerts_once_per_rule')],
            },
        ),
    ]
