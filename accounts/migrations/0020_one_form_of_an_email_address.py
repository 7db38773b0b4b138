"""Addresses of people and invitations in their one form, which PostgreSQL checks from now on.

Earlier versions kept addresses as they were typed and compared them without regard to case.
"""

from django.core.exceptions import ValidationError
from django.db import migrations, models

import accounts.people.email_address
from accounts.people.email_address import normalized

_CHARACTERS = r"^[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$"


def into_one_form(apps, schema_editor):
    unusable = []
    for name in ("User", "Invitation"):
        for row in apps.get_model("accounts", name).objects.order_by("pk").only("email"):
            try:
                address = normalized(row.email)
            except ValidationError:
                unusable.append(f"{row._meta.db_table} {row.pk} ({row.email!r})")
                continue
            if address != row.email:
                type(row).objects.filter(pk=row.pk).update(email=address)
    if unusable:
        raise ValueError(
            "These e-mail addresses have letters that another address could pass for; give them others with the "
            f"version that ran before (or remove the rows), then migrate: {', '.join(unusable)}"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0019_forget_members_of_lost_consents'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='user',
            name='users_have_one_email_whatever_its_case',
        ),
        migrations.RemoveConstraint(
            model_name='invitation',
            name='an_address_has_one_open_invitation',
        ),
        migrations.RunPython(into_one_form, migrations.RunPython.noop, elidable=True),
        # What the update queued must be checked before the tables change.
        migrations.RunSQL('SET CONSTRAINTS ALL IMMEDIATE', migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='user',
            name='email',
            field=accounts.people.email_address.EmailAddressField(max_length=254, unique=True, verbose_name='e-mail address'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='email',
            field=accounts.people.email_address.EmailAddressField(max_length=254, verbose_name='e-mail address'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', _CHARACTERS)), name='an_email_of_a_person_is_in_its_one_form'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', _CHARACTERS)), name='an_invited_email_is_in_its_one_form'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('email',), name='an_address_has_one_open_invitation'),
        ),
    ]
