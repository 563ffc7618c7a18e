"""Patients: names are encrypted under a key of each one's own, and found by keyed hashes."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from clinic.models.actors import Actor
from clinic.models.sites import FIRST, Site
from clinic.models.staff import User
from clinic.storage import patient_keys
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedDate, EncryptedText

SHORTEST_PREFIX, LONGEST_PREFIX = 3, 10


def fold(text: str) -> str:
    """Return ``text`` without case and accents: "Zoë STRASSE" and "zoe straße" become the same."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate({ord("ø"): "o", ord("ł"): "l", ord("đ"): "d"}))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words(name: str) -> list[str]:
    """Return the folded words of a name, apostrophes dropped and hyphens taken as spaces."""
    letters = fold(name).replace("'", "").replace("’", "")
    return "".join(letter if letter.isalnum() else " " for letter in letters).split()


def _token(kind: str, value: str) -> str:
    return hmac.new(settings.INDEX_KEY.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def born_token(born: dt.date) -> str:
    """Return the keyed hash that stands for a date of birth."""
    return _token("born", born.isoformat())


def prefix_token(word: str) -> str:
    """Return the keyed hash that stands for the first letters of a folded word."""
    return _token("name", word[:LONGEST_PREFIX])


def tokens(name: str, born: dt.date) -> Iterator[str]:
    """Yield every hash under which a patient is found: the birth date, and each prefix of each word of the name."""
    yield born_token(born)
    for word in words(name):
        # A word shorter than a prefix is found whole ("Li"), so that everybody can be found.
        for length in range(min(SHORTEST_PREFIX, len(word)), min(LONGEST_PREFIX, len(word)) + 1):
            yield prefix_token(word[:length])


class PatientQuerySet(models.QuerySet["Patient"]):
    def of(self, site: int | None) -> PatientQuerySet:
        """The patients of one clinic."""
        return self.filter(site=site)

    def visible_to(self, by: Actor) -> PatientQuerySet:
        """Whose records ``by`` may look up: those of the clinic, and another's that were opened in an emergency."""
        return self.filter(Q(site=by.site) | Q(pk__in=by.opened)) if by.opened else self.of(by.site)

    def current(self) -> PatientQuerySet:
        """Leave out records that were merged into another."""
        return self.filter(merged_into=None)

    def _with_tokens(self, wanted: Iterable[str]) -> PatientQuerySet:
        patients = self
        for token in wanted:
            patients = patients.filter(pk__in=PatientToken.objects.filter(token=token).values("patient"))
        return patients

    def born_on(self, born: dt.date) -> PatientQuerySet:
        """Patients born on that day."""
        return self._with_tokens([born_token(born)])

    def named(self, start: str) -> PatientQuerySet:
        """Patients with, for each word of ``start``, a name that begins with it; nobody if ``start`` has no letter."""
        wanted = words(start)
        return self._with_tokens([prefix_token(word) for word in wanted]) if wanted else self.none()

    def same_person(self, name: str, born: dt.date) -> list[Patient]:
        """Patients with this very name (case and accents folded) and birth date."""
        candidates = self.current().born_on(born)
        return [patient for patient in candidates if words(patient.name) == words(name)]


class Patient(models.Model):
    """A person who is screened. Identity comes from the front desk, never from a tablet."""

    # The wrapped key under which all about this person is encrypted; null once it was destroyed.
    key_id = models.CharField(max_length=16, unique=True, default=patient_keys.new_key_id)
    wrapped_key = models.BinaryField(null=True, default=patient_keys.new_key)
    name = EncryptedText(row=("key_id",), erased="Erased record", max_length=200)
    born = EncryptedDate("date of birth", row=("key_id",))
    phone = EncryptedText(row=("key_id",), erased="", max_length=40, blank=True)
    email = EncryptedText("e-mail", row=("key_id",), erased="", max_length=254, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # No index: there are few clinics with many patients each, and a database would read all of a clinic's patients by
    # it to find the handful on a board.
    site = models.ForeignKey(Site, on_delete=models.PROTECT, default=FIRST, related_name="+", db_index=False)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged")

    objects = PatientQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **how: Any) -> Self:
        """Cache the key, so that reading what belongs to this row needs no further query."""
        patient = super().from_db(db, field_names, values, **how)
        if {"key_id", "wrapped_key"} <= patient.__dict__.keys():
            patient.key_at_hand()
        return patient

    @property
    def is_erased(self) -> bool:
        """Whether the key was destroyed: what is left of this record is its tombstone."""
        return self.wrapped_key is None

    def key_at_hand(self) -> str:
        """Return the name of this patient's key, and cache the key, so that its use needs no query."""
        patient_keys.learn(self.key_id, None if self.wrapped_key is None else bytes(self.wrapped_key))
        return self.key_id

    @property
    def short_name(self) -> str:
        """First name and the first letter of the last: what a tablet may show before the birth date is confirmed."""
        first, *rest = self.name.split() or [""]
        return f"{first} {rest[-1][0]}." if rest else first

    def age_on(self, day: dt.date) -> int:
        """Full years on ``day``."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))

    def index(self) -> None:
        """Write the hashes under which this patient is found, in place of the earlier ones."""
        PatientToken.objects.filter(patient=self).delete()
        PatientToken.objects.bulk_create(
            PatientToken(patient=self, token=token) for token in sorted(set(tokens(self.name, self.born)))
        )


class PatientTokenQuerySet(models.QuerySet["PatientToken"]):
    def newest_patients(
        self, most: int, *, name: str = "", born: dt.date | None = None, site: int | None = FIRST
    ) -> list[Patient]:
        """Return a clinic's ``most`` newest current patients that fit a name's first letters, a birth date, or both.

        The index is read in its own order up to ``most``, so that thousands of matches cost nothing: first the token
        that is likely to fit fewest, then a look-up of the others. [] if nothing was asked.
        """
        wanted = [*([born_token(born)] if born else []), *map(prefix_token, sorted(words(name), key=len)[::-1])]
        if not wanted:
            return []
        first, *others = wanted
        rows = self.filter(token=first, patient__merged_into=None, patient__site=site)
        for token in others:
            rows = rows.filter(Exists(self.filter(token=token, patient=OuterRef("patient"))))
        return [row.patient for row in rows.select_related("patient").order_by("-patient_id")[:most]]


class PatientToken(models.Model):
    """One keyed hash under which a patient is found."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="tokens")
    token = models.CharField(max_length=64)

    objects = PatientTokenQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "patient"], name="one_token_a_patient")]

    def __str__(self) -> str:
        return self.token[:8]


class Correction(AppendOnly):
    """One detail of a patient, corrected: what it was, what it became, by whom. Written once."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="corrections")
    field = models.CharField(max_length=20)
    old = EncryptedText(of="patient", row=("patient", "field"), max_length=254)
    new = EncryptedText(of="patient", row=("patient", "field"), max_length=254)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.field} of {self.patient_id}"


class Merge(AppendOnly):
    """Two records of one person, merged. Written once."""

    kept = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merges")
    gone = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="merge")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.gone_id} into {self.kept_id}"
