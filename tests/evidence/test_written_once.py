"""The database itself refuses to change what is written once, by every way into it that there is.

All of this runs on SQLite and, through `test_postgresql.py`, on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F

from clinic.checks import SERVING
from clinic.models import Correction, Hold, Journal
from clinic.storage import append_only_triggers
from clinic.storage.append_only_triggers import Guarded
from clinic.storage.encrypted_fields import Encrypted
from screening.models import Assessment, Screening
from tests.support.factories import hold, make_screening, make_tablet, make_visit
from tests.support.raw_database import lift_guards
from tests.support.row_counts import make_row

pytestmark = pytest.mark.django_db

MODELS = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
TABLES = [each.table for each in append_only_triggers.guarded()]
UNIQUE = {each.table: each.unique for each in append_only_triggers.guarded()}


def on_sqlite() -> bool:
    return connection.vendor == "sqlite"


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def rows(row: models.Model) -> models.QuerySet[Any]:
    return type(row)._default_manager.filter(pk=row.pk)


def a_field(row: models.Model) -> Any:
    """Return a field that an update would be about."""
    fields = row._meta.concrete_fields
    others = [field for field in fields if not field.primary_key and not isinstance(field, Encrypted)]
    return next((field for field in others if not field.unique), others[0])


def names(row: models.Model) -> tuple[str, str, str, str]:
    """Return, quoted, the table, its key, the column that an update would be about, and all columns."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in row._meta.concrete_fields)
    return quote(row._meta.db_table), quote(str(row._meta.pk.column)), quote(a_field(row).column), columns


# --- the ways in ---------------------------------------------------------------------------------------------------


def save(row: Any) -> None:
    row.save()


def update(row: Any) -> None:
    rows(row).update(**{a_field(row).name: getattr(row, a_field(row).attname)})


def update_by_expression(row: Any) -> None:
    rows(row).update(**{a_field(row).name: F(a_field(row).name)})


def bulk_update(row: Any) -> None:
    type(row)._default_manager.bulk_update([row], [a_field(row).name])


def update_or_create(row: Any) -> None:
    type(row)._default_manager.update_or_create(
        pk=row.pk, defaults={a_field(row).name: getattr(row, a_field(row).name)}
    )


def bulk_create_over(row: Any) -> None:
    type(row)._default_manager.bulk_create(
        [row], update_conflicts=True, unique_fields=[row._meta.pk.name], update_fields=[a_field(row).name]
    )


def delete(row: Any) -> None:
    row.delete()


def delete_queryset(row: Any) -> None:
    rows(row).delete()


def cascade(row: Any) -> None:
    """Delete what the row hangs on, as if somebody had written CASCADE where PROTECT stands."""
    parents = [field for field in row._meta.concrete_fields if field.is_relation and getattr(row, field.attname)]
    if not parents:
        return delete(row)  # it hangs on nothing
    parent = getattr(row, parents[0].name)
    with pytest.MonkeyPatch.context() as patch:
        for relation in parent._meta.get_fields(include_hidden=True):
            if relation.auto_created and not relation.concrete and (relation.one_to_one or relation.one_to_many):
                here = relation.field is parents[0]
                patch.setattr(relation.field.remote_field, "on_delete", models.CASCADE if here else models.DO_NOTHING)
        parent.delete()


def raw_update(row: Any) -> None:
    table, key, column, _ = names(row)
    run(f"UPDATE {table} SET {column} = {column} WHERE {key} = {row.pk}")


def raw_update_from(row: Any) -> None:
    table, key, column, _ = names(row)
    run(f"UPDATE {table} SET {column} = other.{column} FROM {table} AS other WHERE other.{key} = {table}.{key}")


def raw_delete(row: Any) -> None:
    table, key, _, _ = names(row)
    run(f"DELETE FROM {table} WHERE {key} = {row.pk}")


def upsert(row: Any) -> None:
    table, key, column, columns = names(row)
    run(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE {key} = {row.pk} "
        f"ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}"
    )


def replace(row: Any) -> None:
    """REPLACE on SQLite; on PostgreSQL, which has none, MERGE."""
    table, key, column, columns = names(row)
    if on_sqlite():
        run(f"REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE {key} = {row.pk}")
    else:
        run(
            f"MERGE INTO {table} USING {table} AS other ON {table}.{key} = other.{key} "
            f"WHEN MATCHED THEN UPDATE SET {column} = other.{column}"
        )


def replace_unseen(row: Any) -> None:
    """With what a connection of another program can switch: triggers on REPLACE, or triggers as such."""
    if on_sqlite():
        run("PRAGMA recursive_triggers = OFF")
        try:
            replace(row)
        finally:
            run("PRAGMA recursive_triggers = ON")
    else:
        run("SET LOCAL session_replication_role = replica")
        replace(row)


def displace(row: Any) -> None:
    """On SQLite, take the row's place by a unique rule other than its key; on PostgreSQL, truncate what it hangs on."""
    table, key, _, columns = names(row)
    parents = [field for field in row._meta.concrete_fields if field.is_relation and getattr(row, field.attname)]
    if not on_sqlite():
        return run(f"TRUNCATE {(parents[0].related_model if parents else row)._meta.db_table} CASCADE")
    if len(UNIQUE[row._meta.db_table]) == 1:
        return replace_unseen(row)
    run("PRAGMA recursive_triggers = OFF")
    try:
        others = columns.replace(key, f"{key} + 1000", 1)
        run(f"REPLACE INTO {table} ({columns}) SELECT {others} FROM {table} WHERE {key} = {row.pk}")
    finally:
        run("PRAGMA recursive_triggers = ON")


def empty(row: Any) -> None:
    """SQLite empties a table at one stroke when DELETE has no condition; PostgreSQL's word for it is TRUNCATE."""
    table, _, _, _ = names(row)
    run(f"DELETE FROM {table}" if on_sqlite() else f"TRUNCATE {table} CASCADE")


WAYS: list[Callable[[Any], None]] = [
    save,
    update,
    update_by_expression,
    bulk_update,
    update_or_create,
    bulk_create_over,
    delete,
    delete_queryset,
    cascade,
    raw_update,
    raw_update_from,
    raw_delete,
    upsert,
    replace,
    replace_unseen,
    displace,
    empty,
]


def went_through(way: Callable[[Any], None], row: Any) -> bool:
    """Say whether the database let it happen; it is undone in any case. Any refusal but the guards' own is raised."""
    try:
        with transaction.atomic():
            way(rows(row).get())  # as it is now: an earlier way may have marked the object as deleted
            transaction.set_rollback(True)
    except IntegrityError as error:
        if "is written once" not in str(error):
            raise
        return False
    return True


def a_row(table: str) -> Any:
    row = make_row(MODELS[table])
    connection.check_constraints()  # PostgreSQL truncates nothing and drops no trigger while checks are pending
    return row


@pytest.mark.parametrize("table", TABLES)
def test_every_way_to_change_a_row_is_refused(table: str) -> None:
    row = a_row(table)
    assert [way.__name__ for way in WAYS if went_through(way, row)] == []
    assert rows(row).exists()


@pytest.mark.parametrize("table", TABLES)
def test_without_guards_every_way_goes_through(table: str) -> None:
    lift_guards(connection)
    row = a_row(table)
    assert [way.__name__ for way in WAYS if not went_through(way, row)] == []


def test_what_is_evidence_is_guarded() -> None:
    assert set(TABLES) >= {
        *(f"clinic_{name}" for name in ("correction", "hold", "journal", "merge", "policychange")),
        *(
            f"screening_{name}"
            for name in ("patientquestion", "assessment", "assessment_flags", "attestation", "claim", "reviewoutcome")
        ),
        *(f"screening_{name}" for name in ("decision", "flag", "plan", "screening")),
        *(f"consent_{name}" for name in ("consent", "signedconsent", "sealedfile", "signature", "voidedsignature")),
    }


# --- rows that are open for a while --------------------------------------------------------------------------------


def test_a_screening_changes_until_it_is_sent_and_only_in_its_answers() -> None:
    draft = make_screening(make_visit(), submitted=False)
    draft.answers = {"pregnancy": "no"}
    draft.save(update_fields=["answers", "saved_at"])
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        Screening.objects.filter(pk=draft.pk).update(number=7)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        Screening.objects.filter(pk=draft.pk).update(questionnaire_version="another")
    draft.delete()
    assert not Screening.objects.exists()


def test_a_hold_ends_once_and_is_never_deleted() -> None:
    held = hold(make_visit(), make_tablet()[0], identified=False)
    Hold.objects.update(misses=1)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        Hold.objects.update(handed_by=make_visit().created_by)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        held.delete()
    held.end("returned")
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        Hold.objects.update(ended_at=None, ended_why="")


def test_flags_can_be_named_when_an_assessment_is_written() -> None:
    run_of_rules = make_row(Assessment)
    run_of_rules.flags.set([make_row(run_of_rules.flags.model)])
    assert run_of_rules.flags.count() == 1


# --- the guards themselves -----------------------------------------------------------------------------------------


def refusals() -> list[str]:
    """Return what stands in the way of serving, as far as guards are concerned."""
    found = run_checks(tags=[SERVING], include_deployment_checks=True)
    return [problem.msg for problem in found if problem.id == "clinic.E003"]


def test_the_guards_are_there_after_migrate() -> None:
    assert append_only_triggers.missing(connection) == []
    assert refusals() == []


@pytest.mark.parametrize("table", TABLES)
def test_the_server_does_not_start_without_a_guard_and_names_the_table(table: str) -> None:
    for trigger in triggers_of(table):
        with transaction.atomic():
            run(f'DROP TRIGGER "{trigger}"' + ("" if on_sqlite() else f' ON "{table}"'))
            assert append_only_triggers.missing(connection) == [table]
            assert [problem for problem in refusals() if f" {table}:" in problem]
            transaction.set_rollback(True)
    assert append_only_triggers.missing(connection) == []


def triggers_of(table: str) -> list[str]:
    kinds = ("insert", "update", "delete")
    return [f"guard_{kind}_{table}" for kind in kinds] if on_sqlite() else ["guard_rows", "guard_truncate"]


def test_a_guard_that_was_made_harmless_is_missed() -> None:
    if on_sqlite():
        run('DROP TRIGGER "guard_update_clinic_journal"')
        run('CREATE TRIGGER "guard_update_clinic_journal" BEFORE UPDATE ON "clinic_journal" BEGIN SELECT 1; END')
        assert append_only_triggers.missing(connection) == ["clinic_journal"]
    else:
        run("ALTER TABLE clinic_journal DISABLE TRIGGER guard_rows")
        assert append_only_triggers.missing(connection) == ["clinic_journal"]
        run("CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
        assert len(append_only_triggers.missing(connection)) == len(TABLES)
    assert refusals() != []
    append_only_triggers.install(connection)
    assert refusals() == []


@pytest.mark.django_db(transaction=True)
def test_a_later_migration_of_a_guarded_table_does_not_leave_it_bare() -> None:
    old = Correction._meta.get_field("field")
    new = models.CharField(max_length=25)
    new.set_attributes_from_name("field")
    new.model = Correction
    with connection.schema_editor() as editor:
        editor.alter_field(Correction, old, new)
    try:
        if on_sqlite():  # it builds the table anew
            assert append_only_triggers.missing(connection) == ["clinic_correction"]
        call_command("migrate", verbosity=0)
        assert append_only_triggers.missing(connection) == []
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(Correction, new, old)
        call_command("migrate", verbosity=0)


def test_a_table_as_an_older_migration_left_it_is_not_guarded_by_columns_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lift_guards(connection)
    newer = [*append_only_triggers.guarded(), Guarded(Journal._meta.db_table, (("a_column_of_tomorrow",),))]
    monkeypatch.setattr(append_only_triggers, "guarded", lambda: newer[-1:])
    append_only_triggers.install(connection)
    assert append_only_triggers.missing(connection) == ["clinic_journal"]
