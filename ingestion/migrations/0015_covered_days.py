import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_plainer_help_texts'),
        ('ingestion', '0014_plainer_help_texts'),
    ]

    operations = [
        migrations.CreateModel(
            name='CoveredDays',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('data_table', models.CharField(help_text='the table that holds the answer; incomplete_days for days checked against the totals', max_length=48)),
                ('pivot_type', models.CharField(default='', help_text='of demographics; empty otherwise', max_length=48)),
                ('first_day', models.DateField(help_text='UTC day')),
                ('last_day', models.DateField(help_text='UTC day, inclusive')),
                ('asked_at', models.DateTimeField(help_text='start of the sync that requested these days last')),
                ('is_whole', models.BooleanField(help_text='whether LinkedIn sent every row; it cuts answers at 15,000')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='covered_days', to='accounts.adaccount')),
            ],
            options={
                'verbose_name': 'covered days',
                'verbose_name_plural': 'covered days',
                'db_table': 'covered_days',
                'constraints': [models.UniqueConstraint(fields=('account', 'data_table', 'pivot_type', 'last_day'), name='days_are_covered_once'), models.CheckConstraint(condition=models.Q(('first_day__lte', models.F('last_day'))), name='covered_days_are_in_order')],
            },
        ),
    ]
