from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0010_account_days_are_listed_by_day"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="synclog",
            index=models.Index(
                fields=["account", "-started_at"],
                condition=models.Q(status="success"),
                name="successes_of_an_ad_account",
            ),
        ),
    ]
