from dataclasses import fields
from typing import Any

from django.db import migrations, models

from clinic import chain

COLUMNS = [field.name for field in fields(chain.Row) if field.name not in ("seq", "prev_hash", "hash")]


def link_rows(apps: Any, schema_editor: Any) -> None:
    """Number the rows that are there without gaps, and chain them. Format 1 of the chain stays in the code for good."""
    journal = apps.get_model("clinic", "Journal").objects
    last = chain.START
    for old in list(journal.order_by("seq").values("seq", *COLUMNS)):
        row = chain.Row(**{name: old[name] for name in COLUMNS}, seq=last.seq + 1, prev_hash=last.hash)
        last = chain.Link(row.seq, row.digest())
        journal.filter(seq=old["seq"]).update(seq=row.seq, prev_hash=row.prev_hash, hash=last.hash)


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0001_initial'),
    ]

    operations = [
        migrations.RenameField('journal', 'id', 'seq'),
        migrations.AlterField(
            'journal', 'seq', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='number')
        ),
        migrations.AlterModelOptions('journal', {'ordering': ['seq'], 'verbose_name_plural': 'journal'}),
        migrations.AddField('journal', 'prev_hash', models.CharField(max_length=64, default=''), preserve_default=False),
        migrations.AddField('journal', 'hash', models.CharField(max_length=64, default=''), preserve_default=False),
        migrations.AddIndex('journal', models.Index(fields=['at'], name='journal_at')),
        migrations.AddIndex('journal', models.Index(fields=['action', 'seq'], name='journal_action')),
        migrations.RunPython(link_rows, migrations.RunPython.noop),
    ]
