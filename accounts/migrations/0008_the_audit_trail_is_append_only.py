"""PostgreSQL itself refuses to change, delete or empty the audit trail.

Emptying has a trigger of its own: the tests of this project, which empty every table, switch off that one alone
in their throw-away database.
"""

from django.db import migrations, models

import accounts.models.audit_event

_REFUSE = """
CREATE FUNCTION refuse_to_change_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only: % on audit_events is refused.', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Record another event that says what is different.';
END
$$;
CREATE TRIGGER audit_events_are_not_changed BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit_events();
CREATE TRIGGER audit_events_are_not_emptied BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit_events();
"""
_ALLOW = """
DROP TRIGGER audit_events_are_not_emptied ON audit_events;
DROP TRIGGER audit_events_are_not_changed ON audit_events;
DROP FUNCTION refuse_to_change_audit_events();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_failed_logins'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditevent',
            name='actor_email',
            field=models.TextField(null=True, verbose_name='who'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='actor_id',
            field=models.BigIntegerField(help_text="the person's id; empty for the system", null=True, verbose_name='actor'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='ad_account_id',
            field=models.BigIntegerField(null=True, verbose_name='ad account'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='kind',
            field=models.TextField(choices=accounts.models.audit_event.audit_kinds, help_text='what happened, such as consent_given'),
        ),
        migrations.RunSQL(_REFUSE, _ALLOW),
    ]
