from django.db import migrations


def let_everybody_enter(apps, schema_editor):
    apps.get_model('accounts', 'User').objects.filter(is_staff=False).update(is_staff=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_is_staff_is_true_for_new_people'),
    ]

    operations = [
        migrations.RunPython(let_everybody_enter, migrations.RunPython.noop),
    ]
