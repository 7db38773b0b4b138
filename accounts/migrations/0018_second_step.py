import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.consents.encryption


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_audit_events_go_out"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="second_step_since",
            field=models.DateTimeField(
                editable=False,
                help_text="empty without an authenticator app or a passkey",
                null=True,
                verbose_name="second step since",
            ),
        ),
        migrations.CreateModel(
            name="AuthenticatorApp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="what its person calls it", max_length=64)),
                (
                    "secret",
                    accounts.consents.encryption.EncryptedTextField(
                        help_text="shared with the app, base32, encrypted"
                    ),
                ),
                (
                    "last_step",
                    models.BigIntegerField(
                        default=-1, help_text="30-second step of the last accepted code; none works twice"
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authenticator_apps",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "authenticator_apps"},
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("salt", models.CharField(max_length=32)),
                ("digest", models.CharField(help_text="SHA-256 of salt and code", max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "recovery_codes"},
        ),
        migrations.AddConstraint(
            model_name="authenticatorapp",
            constraint=models.UniqueConstraint(
                fields=("user",),
                condition=models.Q(("confirmed_at", None)),
                name="a_person_has_one_pending_authenticator_app",
            ),
        ),
    ]
