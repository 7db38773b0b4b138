import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_lists_are_called_as_the_sidebar_says'),
        ('reporting', '0006_when_findings_changed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # Only the names and wording of the models change: tables and columns keep theirs, so no statement reaches them.
    operations = [
        migrations.RenameModel('Audit', 'CheckRun'),
        migrations.RenameModel('AuditRequest', 'CheckRequest'),
        migrations.RenameModel('AuditThresholds', 'CheckThresholds'),
        migrations.AlterModelOptions(
            name='checkthresholds',
            options={'ordering': ['ad_account__name', 'ad_account_id'], 'verbose_name': 'thresholds of an ad account', 'verbose_name_plural': 'check thresholds'},
        ),
        migrations.AlterField(
            model_name='checkrequest',
            name='asked_at',
            field=models.DateTimeField(help_text='time of the latest request'),
        ),
        migrations.AlterField(
            model_name='checkrequest',
            name='asked_by',
            field=models.ForeignKey(help_text='empty after a sync', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='ad_account',
            field=models.OneToOneField(db_column='ad_account_id', on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='check_run', serialize=False, to='accounts.adaccount'),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='as_of',
            field=models.DateTimeField(help_text='start of the sync whose data was checked'),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='campaigns',
            field=models.IntegerField(default=0, help_text='active campaigns that were checked'),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='found',
            field=models.IntegerField(default=0, help_text='findings of this check, in any state'),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='judged_at',
            field=models.DateTimeField(help_text='when it was checked'),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='unjudged',
            field=models.JSONField(default=list, help_text='what was not checked: rule, reason and number of campaigns or creatives'),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='ctr_impressions',
            field=models.IntegerField(blank=True, help_text='impressions needed before the CTR is checked; default 5,000', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='CTR impressions'),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='ctr_percent',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='report a lower CTR; default 0.4', max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='CTR percent'),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='end_near_days',
            field=models.IntegerField(blank=True, help_text='report a campaign this many days before it ends; default 7', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='pace_days',
            field=models.IntegerField(blank=True, help_text="whole days before a budget's pace is checked; default 3", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(7)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='pace_over_percent',
            field=models.IntegerField(blank=True, help_text='report more than this share of the planned spend; default 110', null=True, validators=[django.core.validators.MinValueValidator(100), django.core.validators.MaxValueValidator(1000)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='pace_under_percent',
            field=models.IntegerField(blank=True, help_text='report less than this share of the planned spend; default 70', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='quiet_days',
            field=models.IntegerField(blank=True, help_text='report an active campaign after this many days without an impression; default 7', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='review_days',
            field=models.IntegerField(blank=True, help_text='report a review that takes this many days; default 2', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='spend_without_conversions',
            field=models.DecimalField(blank=True, decimal_places=2, help_text="report at least this spend without a conversion, in the ad account's currency; default 100", max_digits=24, null=True, validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='window_days',
            field=models.IntegerField(blank=True, help_text='days of spend, CTR and conversions to check; default 30', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)]),
        ),
        migrations.AlterField(
            model_name='checkthresholds',
            name='worse_percent',
            field=models.IntegerField(blank=True, help_text='reopen an accepted finding when it is this much worse; default 50', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)]),
        ),
        migrations.AlterField(
            model_name='finding',
            name='accepted_weight',
            field=models.DecimalField(decimal_places=10, help_text='its weight when it was accepted', max_digits=30, null=True),
        ),
        migrations.AlterField(
            model_name='finding',
            name='assigned_to',
            field=models.ForeignKey(help_text='who is responsible for it', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='finding',
            name='evidence',
            field=models.JSONField(default=list, help_text='label, value and unit of each supporting fact'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='first_seen_at',
            field=models.DateTimeField(help_text='start of the sync that first showed it'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='fixed_at',
            field=models.DateTimeField(help_text='start of the first sync without its cause', null=True),
        ),
        migrations.AlterField(
            model_name='finding',
            name='history',
            field=models.JSONField(default=list, help_text='its history, oldest first: when, what, by whom, why; the latest 100 entries'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='last_seen_at',
            field=models.DateTimeField(help_text='start of the last sync that showed it'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='reopened_at',
            field=models.DateTimeField(help_text='when it was last reopened', null=True),
        ),
        migrations.AlterField(
            model_name='finding',
            name='saved',
            field=models.DecimalField(decimal_places=10, help_text='the amount at stake before it was fixed', max_digits=24, null=True),
        ),
        migrations.AlterField(
            model_name='finding',
            name='sentence',
            field=models.TextField(help_text='what is wrong, as of `last_seen_at`'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='snoozed_until',
            field=models.DateField(help_text='the UTC day on which it reopens', null=True),
        ),
        migrations.AlterField(
            model_name='finding',
            name='times_seen',
            field=models.IntegerField(default=1, help_text='how many times it appeared, including the first'),
        ),
        migrations.AlterField(
            model_name='finding',
            name='weight',
            field=models.DecimalField(decimal_places=10, default=1, help_text="how severe it is, in the rule's own unit", max_digits=30),
        ),
        migrations.AlterField(
            model_name='reportingrole',
            name='ad_account_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='ad accounts it reads; empty = all, including future ones', null=True, size=None),
        ),
        migrations.AlterField(
            model_name='reportingrole',
            name='name',
            field=models.CharField(help_text='name of the role in PostgreSQL', max_length=63, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='asked_at',
            field=models.DateTimeField(help_text='when it was requested, or written after a sync'),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='asked_by',
            field=models.ForeignKey(db_index=False, help_text='the person who requested it', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='confirmed_as_of',
            field=models.DateTimeField(help_text='start of the last sync that would give the same document', null=True),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='data_as_of',
            field=models.DateTimeField(help_text='start of the sync whose figures it holds', null=True),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='digest',
            field=models.CharField(default='', help_text='SHA-256 of the document, without the time and the sync it was written for', max_length=64),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='dropped',
            field=models.JSONField(default=list, help_text='what was left out to stay within the size limit: detail, count, sentence'),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='schema_version',
            field=models.CharField(default='', help_text='version of docs/snapshot.schema.json', max_length=16),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='sync_run',
            field=models.ForeignKey(help_text='the last sync that stored something', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='ingestion.synclog'),
        ),
        migrations.AlterField(
            model_name='snapshot',
            name='trigger',
            field=models.CharField(choices=[('sync', 'After a sync'), ('manual', 'By a person'), ('command', 'Command line')], max_length=16),
        ),
    ]
