import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_tokens_that_change_findings'),
        ('reporting', '0004_views_for_bi'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditRequest',
            fields=[
                ('ad_account', models.OneToOneField(db_column='ad_account_id', on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='accounts.adaccount')),
                ('asked_at', models.DateTimeField(help_text='when it was asked for last')),
                ('asked_by', models.ForeignKey(help_text='empty where a sync or new thresholds asked', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'audit_requests',
            },
        ),
    ]
