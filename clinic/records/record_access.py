"""Who looked at a patient's record: read from the journal, which names every page that was opened."""

from __future__ import annotations

from django.db.models import QuerySet

from clinic.domain import journal_wording
from clinic.models import Journal, Patient, Visit

MOST = 200


def looks(patient: Patient) -> QuerySet[Journal]:
    """Return the journal's rows of pages opened, printed and downloaded about a patient, the newest first.

    Those about records that were merged into this one are included.
    """
    merged = [patient.pk, *Patient.objects.filter(merged_into=patient).values_list("pk", flat=True)]
    # By one index each, and then together: asked all at once, a database may read every look at any record instead.
    by_record = Journal.objects.filter(patient__in=merged).order_by().values("seq")
    by_visit = Journal.objects.filter(visit__in=Visit.objects.filter(patient=patient)).order_by().values("seq")
    seen = Journal.objects.filter(seq__in=by_record.union(by_visit), action__in=journal_wording.actions_of("views"))
    return seen.select_related("user", "tablet", "visit").order_by("-seq")


def sheet(patient: Patient) -> list[tuple[object, ...]]:
    """Return all of them as rows of a table: when (ISO), who, role, what, and the visit's number or ""."""
    return [
        (row.at.isoformat(), str(row.user or row.tablet or "the system"), row.role, row.words, row.visit_id or "")
        for row in looks(patient).iterator(chunk_size=2000)
    ]


SHEET = ("When", "Who", "Role", "What", "Visit")
