"""What the database file tells without the keys: nothing about anybody; and what is moved within it does not open."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as real
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection, models

from clinic.models import Correction, Patient, Role
from clinic.records.patients import correct_patient
from clinic.records.reencrypt import rotate
from clinic.storage import master_keys, patient_keys
from clinic.storage.encrypted_fields import EMPTY, decrypt_for
from clinic.storage.patient_keys import Erased, Unreadable
from screening.models import Screening
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    receptionist,
)
from tests.support.raw_database import encrypted_fields, lift_guards
from tests.support.row_counts import make_row

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    patient_keys.forget()


@pytest.fixture
def keys(tmp_path: Any, settings: Any) -> Any:
    """A keyset of this test's own."""
    settings.DATA_KEYS = tmp_path / "keys" / "data.keys"
    master_keys.make(settings.DATA_KEYS)
    return settings.DATA_KEYS


def stored(row: models.Model, name: str) -> Any:
    """Return what the column holds."""
    table, column = row._meta.db_table, row._meta.get_field(name).name
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE id = %s', [row.pk])
        return cursor.fetchone()[0]


def store(row: models.Model, name: str, value: Any) -> None:
    """Put something into the column, past all of the app."""
    lift_guards(connection)
    table, column = row._meta.db_table, row._meta.get_field(name).name
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE id = %s', [value, row.pk])


def again(row: Any) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


# Of a row that must leave these empty.
ELSEWHERE = {"Session-missing", "Decision-precaution", "ConsentStatusChange-name"}
EVERY = [
    (field.model, field.name) for field in encrypted_fields() if f"{field.model.__name__}-{field.name}" not in ELSEWHERE
]


@pytest.mark.parametrize(("model", "name"), EVERY, ids=[f"{model.__name__}-{name}" for model, name in EVERY])
def test_every_encrypted_column_holds_ciphertext_and_gives_back_what_was_written(model, name):
    field = model._meta.get_field(name)
    said: Any = {
        "EncryptedText": "Canary sings",
        "EncryptedDate": dt.date(1999, 12, 31),
        "EncryptedJSON": {"song": ["Canary sings"]},
        "EncryptedBytes": b"Canary sings",
    }[type(field).__name__]
    row = make_row(model)
    lift_guards(connection)
    model._base_manager.filter(pk=row.pk).update(**{name: field.sealed(said, row)})
    held = bytes(stored(row, name)) if isinstance(said, bytes) else str(stored(row, name)).encode()
    assert b"enc:v1:" in held
    assert b"Canary" not in held
    assert b"1999" not in held
    assert getattr(again(row), name) == said


def test_what_is_empty_stays_empty_for_the_constraints_that_ask():
    patient = make_patient()
    patient.phone = ""
    patient.save(update_fields=["phone"])
    assert stored(patient, "phone") == ""
    assert again(patient).phone in EMPTY


@pytest.mark.parametrize("name", ["name", "born"])
def test_two_patients_ciphertexts_swapped_do_not_open(name):
    one, other = make_patient("Ann One"), make_patient("Ben Other")
    mine, theirs = stored(one, name), stored(other, name)
    store(one, name, theirs)
    store(other, name, mine)
    for patient in (one, other):
        with pytest.raises(Unreadable):
            getattr(again(patient), name)


def test_an_answer_moved_to_another_visit_or_column_or_version_does_not_open():
    patient = make_patient()
    first, second = (make_screening(make_visit(patient), submitted=False) for _ in range(2))
    mine = stored(first, "answers")
    store(second, "answers", mine)
    with pytest.raises(Unreadable):
        again(second).answers  # noqa: B018
    store(first, "given_at", mine)
    with pytest.raises(Unreadable):
        again(first).given_at  # noqa: B018
    Screening.objects.filter(pk=first.pk).update(number=7)
    with pytest.raises(Unreadable):
        again(first).answers  # noqa: B018


def test_a_changed_letter_does_not_open():
    patient = make_patient()
    told = stored(patient, "name")
    store(patient, "name", told[:-6] + ("A" if told[-6] != "A" else "B") + told[-5:])
    with pytest.raises(Unreadable):
        again(patient).name  # noqa: B018


def test_a_value_planted_in_clear_is_not_taken_for_ours():
    patient = make_patient()
    store(patient, "name", "Mallory Planted")
    with pytest.raises(Unreadable, match="never encrypted"):
        again(patient).name  # noqa: B018
    with pytest.raises(Unreadable):
        decrypt_for("mallory@example.org", "a task")


def test_what_is_encrypted_can_neither_be_looked_up_nor_set_by_a_query():
    patient = make_patient("Ann One")
    with pytest.raises(TypeError, match="cannot be looked up"):
        Patient.objects.filter(name="Ann One").exists()
    with pytest.raises(TypeError, match="written through its row"):
        Patient.objects.filter(pk=patient.pk).update(name="Ann Two")
    with pytest.raises(FieldError):
        Screening.objects.filter(answers__epilepsy="yes").exists()


def test_a_row_that_leaves_a_column_out_gives_it_when_it_is_asked(django_assert_num_queries):
    patient = make_patient("Ann One")
    row = Patient.objects.defer("name").get(pk=patient.pk)
    with django_assert_num_queries(1):
        assert row.name == "Ann One"


def test_a_list_of_patients_and_their_answers_asks_for_no_key(django_assert_num_queries):
    for number in range(5):
        make_screening(make_visit(make_patient(f"Ann {number}")))
    patient_keys.forget()
    with django_assert_num_queries(1):
        found = list(Screening.objects.select_related("visit__patient"))
        assert all(each.answers and each.visit.patient.name.startswith("Ann") for each in found)


def test_a_destroyed_key_opens_nothing():
    patient = make_patient("Ann One")
    Patient.objects.filter(pk=patient.pk).update(wrapped_key=None)
    with pytest.raises(Erased):
        again(patient).born  # noqa: B018
    assert again(patient).name == "Erased record"


def test_corrections_are_read_as_they_were_written():
    patient = make_patient("Ann One")
    correct_patient(patient=patient, name="Ann Won", by=acting(receptionist(), Role.RECEPTION))
    told = Correction.objects.get()
    assert (told.old, told.new, again(patient).name) == ("Ann One", "Ann Won", "Ann Won")
    assert list(Patient.objects.named("won")) == [patient]


# --- keys ----------------------------------------------------------------------------------------------------------


def test_two_rotations_and_everything_opens(keys):
    patient = make_patient("Ann One")
    screening = make_screening(make_visit(patient))
    first = keys.read_bytes()
    for drop in (False, True):
        said = StringIO()
        call_command("rotate_data_key", *(["--drop-earlier"] if drop else []), stdout=said)
        assert str(keys) in said.getvalue()
    assert again(patient).name == "Ann One"
    assert again(screening).answers == screening.answers
    assert keys.stat().st_mode & 0o077 == 0
    keys.chmod(0o600)
    keys.write_bytes(first)  # the control: the first key alone opens nothing any more
    patient_keys.forget()
    with pytest.raises(Unreadable):
        again(patient).name  # noqa: B018


def test_an_earlier_copy_of_the_database_opens_until_the_earlier_keys_are_dropped(keys):
    patient = make_patient("Ann One")
    before = bytes(patient.wrapped_key or b"")
    rotate()
    assert patient_keys.wrap_again(before)
    master_keys.drop_earlier(keys)
    with pytest.raises(Unreadable):
        patient_keys.wrap_again(before)


def test_a_keyset_is_never_written_over(keys):
    with pytest.raises(master_keys.KeysetTrouble, match="there already"):
        master_keys.make(keys)
    assert keys == real.DATA_KEYS


def test_every_encrypted_value_is_bound_to_its_row():
    assert [str(field) for field in encrypted_fields() if not field.row] == []
