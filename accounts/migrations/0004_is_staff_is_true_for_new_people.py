from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_an_ended_consent_has_no_tokens'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='is_staff',
            field=models.BooleanField(default=True, editable=False, help_text='may enter the site; true for everybody'),
        ),
    ]
