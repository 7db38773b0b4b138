from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0009_segments_are_found_by_urn"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="accountdailytotal",
            index=models.Index(fields=["date"], name="account_days_by_date"),
        ),
    ]
