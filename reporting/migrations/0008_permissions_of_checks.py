from django.db import migrations

_RENAMED = {"audit": "checkrun", "auditrequest": "checkrequest", "auditthresholds": "checkthresholds"}
_ACTIONS = ("add", "change", "delete", "view")


def _rename(apps, renamed):
    """Django renames content types with their models, and leaves permissions behind."""
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="reporting")
    for old, new in renamed.items():
        for action in _ACTIONS:
            permissions.filter(codename=f"{action}_{old}").update(codename=f"{action}_{new}")


def forwards(apps, schema_editor):
    _rename(apps, _RENAMED)


def backwards(apps, schema_editor):
    _rename(apps, {new: old for old, new in _RENAMED.items()})


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('reporting', '0007_audits_are_called_checks'),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
