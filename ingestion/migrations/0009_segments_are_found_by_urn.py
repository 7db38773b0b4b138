from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0008_settings_of_ad_accounts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="audiencedemographic",
            index=models.Index(fields=["segment"], name="segments_by_urn"),
        ),
    ]
