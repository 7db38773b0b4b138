from django.db import migrations

_OLD, _NEW = "Have forgotten audits judged", "Queue lost checks again"


def _rename(apps, old, new):
    """Renames the entry in place, so that it keeps what operators changed.

    If the other version's beat has already made an entry of its own, nobody has changed that one yet, and a second
    entry of this task would queue everything twice.
    """
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    if entries.filter(name=old).exists():
        entries.filter(name=new).delete()
        entries.filter(name=old).update(name=new)


def forwards(apps, schema_editor):
    _rename(apps, _OLD, _NEW)


def backwards(apps, schema_editor):
    _rename(apps, _NEW, _OLD)


class Migration(migrations.Migration):

    dependencies = [
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('reporting', '0008_permissions_of_checks'),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
