import clinic.vault
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0009_enrolment_links"),
    ]

    operations = [
        # No default yet: it would give one key to all patients there are. Each gets its own from `manage.py encrypt`.
        migrations.AddField(
            model_name="patient",
            name="key_id",
            field=models.CharField(max_length=16, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="patient",
            name="wrapped_key",
            field=models.BinaryField(null=True),
        ),
        migrations.AlterField(
            model_name="patient",
            name="key_id",
            field=models.CharField(default=clinic.vault.new_key_id, max_length=16, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="patient",
            name="wrapped_key",
            field=models.BinaryField(default=clinic.vault.new_key, null=True),
        ),
        migrations.AlterField(
            model_name="correction",
            name="new",
            field=models.TextField(max_length=254),
        ),
        migrations.AlterField(
            model_name="correction",
            name="old",
            field=models.TextField(max_length=254),
        ),
        migrations.AlterField(
            model_name="patient",
            name="born",
            field=models.TextField(verbose_name="date of birth"),
        ),
        migrations.AlterField(
            model_name="patient",
            name="email",
            field=models.TextField(blank=True, max_length=254, verbose_name="e-mail"),
        ),
        migrations.AlterField(
            model_name="patient",
            name="name",
            field=models.TextField(max_length=200),
        ),
        migrations.AlterField(
            model_name="patient",
            name="phone",
            field=models.TextField(blank=True, max_length=40),
        ),
    ]
