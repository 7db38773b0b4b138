"""A table of our own for failed logins; django-axes counted them before, by the address as it was typed.

What it had counted is forgotten: a lock-out lasted a quarter of an hour.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0020_one_form_of_an_email_address'),
    ]

    operations = [
        migrations.DeleteModel(
            name='FailedLogin',
        ),
        migrations.RunSQL('DELETE FROM axes_accessattemptexpiration; DELETE FROM axes_accessattempt', migrations.RunSQL.noop),
        migrations.CreateModel(
            name='FailedLogin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('door', models.CharField(choices=[('password', 'Password'), ('reset', 'Forgotten password'), ('second_step', 'Second step'), ('api_token', 'API token')], max_length=16, verbose_name='what was tried')),
                ('account', models.CharField(blank=True, help_text='the e-mail address that was tried, whether or not it is known; empty for all', max_length=254)),
                ('network', models.CharField(blank=True, help_text='IPv4 address, /24, or IPv6 /64 the tries came from; empty for all', max_length=43)),
                ('failures', models.IntegerField()),
                ('last_failed_at', models.DateTimeField(verbose_name='last try')),
            ],
            options={
                'verbose_name': 'failed login',
                'db_table': 'failed_logins',
                'constraints': [models.UniqueConstraint(fields=('door', 'account', 'network'), name='failures_are_counted_once')],
            },
        ),
    ]
