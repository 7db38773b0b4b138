import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.models.user


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0022_session_keys_are_digests'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='is_service_account',
            field=models.BooleanField(default=False, editable=False, help_text='no person: it has API tokens and cannot sign in'),
        ),
        migrations.AddField(
            model_name='user',
            name='responsible',
            field=models.ForeignKey(blank=True, help_text='who is warned before the tokens of a service account end; otherwise all owners', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_service_account', False), models.Q(('role', 'owner'), _negated=True), _connector='OR'), name='a_service_account_is_no_owner'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('email__endswith', '@service-account.invalid'), ('is_service_account', True)), models.Q(('is_service_account', False), models.Q(('email__endswith', '@service-account.invalid'), _negated=True)), _connector='OR'), name='addresses_of_service_accounts_are_theirs_alone'),
        ),
        migrations.CreateModel(
            name='ServiceAccount',
            fields=[
            ],
            options={
                'verbose_name': 'service account',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('accounts.user',),
            managers=[
                ('objects', accounts.models.user.ServiceAccountManager()),
            ],
        ),
        migrations.AddField(
            model_name='apitoken',
            name='ad_account_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='the only ones it sees, of those its person sees; null for all of these', null=True, size=None, verbose_name='ad accounts'),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), blank=True, default=list, help_text='the only ones it works from; empty for all', size=None),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='warned_days',
            field=models.IntegerField(help_text='how many days before its end the last warning was sent', null=True),
        ),
    ]
