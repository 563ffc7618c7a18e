"""What the patient answered, on paper or on a screen, and what they asked.

A screening is written while the patient answers and never after it was submitted: a changed answer is a new screening
with the next number.
"""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from clinic.models import User, Visit
from clinic.storage.append_only import AppendOnly, FrozenWhenSet
from clinic.storage.encrypted_fields import EncryptedJSON, EncryptedText
from screening.domain import questionnaire


class PaperForm(AppendOnly):
    """A blank form that was printed for one visit; ``code`` is on every sheet and identifies the form."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="paper_forms")
    code = models.CharField(max_length=30, unique=True)  # P-<visit>-<8 letters>
    questionnaire_version = models.CharField(max_length=40)
    questionnaire_sha256 = models.CharField(max_length=64)
    rules_version = models.CharField(max_length=40)
    statement_version = models.CharField(max_length=40)
    statement_sha256 = models.CharField(max_length=64)  # of the consent text on the blank
    printed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


class Screening(FrozenWhenSet):
    """One version of the answers of one visit."""

    final = "submitted_at"
    open_fields = ("answers", "given_at", "confirmed", "looked_back_at", "saved_at", "submitted_at")
    discardable = True

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="screenings")
    number = models.PositiveSmallIntegerField(default=1)
    questionnaire_version = models.CharField(max_length=40)
    questionnaire_sha256 = models.CharField(max_length=64)
    answers = EncryptedJSON(
        of="visit.patient", row=("visit", "number"), default=dict
    )  # name -> answer, as `questionnaire.dump` writes it (dates as ISO text)
    ask_again = models.JSONField(default=list)  # names of the questions that are asked again; [] asks everything
    at_home = models.BooleanField(default=False)  # filled in away from the clinic: never sent, only taken over
    given_at = EncryptedJSON(
        of="visit.patient", row=("visit", "number"), default=dict
    )  # name -> when it was answered, ISO
    confirmed = EncryptedJSON(
        of="visit.patient", row=("visit", "number"), default=dict
    )  # name -> day (ISO) of the earlier answer that the patient confirmed
    looked_back_at = models.DateTimeField(null=True)  # when the patient answered "is this still right?"
    # Answered on paper: the form, and the practitioner who typed in what was on it.
    paper = models.OneToOneField(PaperForm, on_delete=models.PROTECT, null=True, related_name="screening")
    transcribed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "number"], name="screenings_are_numbered"),
            models.CheckConstraint(
                condition=models.Q(paper=None, transcribed_by=None)
                | models.Q(paper__isnull=False, transcribed_by__isnull=False),
                name="who_transcribed_which_paper",
            ),
        ]

    def __str__(self) -> str:
        return f"screening {self.number} of {self.visit_id}"

    def stale(self, before: dt.datetime) -> list[str]:
        """Return the names of answers that change by the day and were given before ``before`` (aware)."""
        return [
            question.name
            for question in questionnaire.QUESTIONS.values()
            if question.name in self.answers
            and question.name in questionnaire.ON_THE_DAY
            and self.answered_at(question.name) < before
        ]

    def answered_at(self, name: str) -> dt.datetime:
        """Return when an answer was given."""
        return dt.datetime.fromisoformat(self.given_at[name])

    @property
    def to_ask(self) -> list[str]:
        """The names of the questions to ask; [] is all of them. What was confirmed is not asked again."""
        left = [name for name in questionnaire.QUESTIONS if name not in self.confirmed] if self.confirmed else []
        return self.ask_again or left

    @property
    def oldest_of_the_day(self) -> dt.datetime:
        """When the oldest answer that changes by the day was given."""
        of_the_day = [
            name
            for name in self.answers
            if name in questionnaire.QUESTIONS and not questionnaire.QUESTIONS[name].stable
        ]
        return min((self.answered_at(name) for name in of_the_day), default=self.submitted_at or self.saved_at)

    @property
    def is_current(self) -> bool:
        """Whether it was answered on today's questionnaire."""
        live = (questionnaire.VERSION, questionnaire.digest())
        return (self.questionnaire_version, self.questionnaire_sha256) == live

    @classmethod
    def of(cls, visit: Visit) -> Screening | None:
        """Return the visit's latest screening, or ``None`` if none was begun."""
        latest = cls.objects.filter(visit=visit).order_by("-number").first()
        if latest:
            latest.visit = visit  # saves a query: the patient's key is found through it
        return latest


class PatientQuestion(AppendOnly):
    """What a patient wanted to ask before signing. Nothing is signed until it is attested as answered."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="asked")
    text = EncryptedText(of="visit.patient", row=("visit",))
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "asked"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"asked in {self.visit_id}"
