from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_invitations'),
        ('axes', '0010_accessattemptexpiration'),
    ]

    operations = [
        migrations.CreateModel(
            name='FailedLogin',
            fields=[
            ],
            options={
                'verbose_name': 'failed login',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('axes.accessattempt',),
        ),
    ]
