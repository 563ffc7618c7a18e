"""What the patient answered, what it raised, and what a practitioner decided about it.

A screening is written while the patient answers and never after it was submitted: a changed answer is a new screening
with the next number. Flags, plans, assessments, decisions, attestations and closings are rows written once; the latest
counts.
"""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from clinic.models import Role, User, Visit, WrittenOnce, WrittenUntil
from clinic.models.encrypted import EncryptedJSON, EncryptedText
from screening import questions
from screening.treatments import AdverseEvent, EventNote, Session

__all__ = [
    "AdverseEvent",
    "Asked",
    "Assessment",
    "Attestation",
    "Claim",
    "Clearance",
    "Closing",
    "Decision",
    "EventNote",
    "Flag",
    "Lapse",
    "Plan",
    "Screening",
    "Session",
    "Technique",
]


class PaperForm(WrittenOnce):
    """A blank form that was printed for one visit; ``code`` stands on every sheet and names what was printed."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="paper_forms")
    code = models.CharField(max_length=30, unique=True)  # P-<visit>-<8 letters>
    questionnaire_version = models.CharField(max_length=40)
    questionnaire_sha256 = models.CharField(max_length=64)
    rules_version = models.CharField(max_length=40)
    statement_version = models.CharField(max_length=40)
    statement_sha256 = models.CharField(max_length=64)  # of the consent text as it stands on the blank
    printed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


class Screening(WrittenUntil):
    """The answers of one visit, one version of them."""

    final = "submitted_at"
    open_fields = ("answers", "given_at", "confirmed", "looked_back_at", "saved_at", "submitted_at")
    discardable = True

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="screenings")
    number = models.PositiveSmallIntegerField(default=1)
    questionnaire_version = models.CharField(max_length=40)
    questionnaire_sha256 = models.CharField(max_length=64, blank=True)  # "" on rows from before digests were kept
    answers = EncryptedJSON(
        of="visit.patient", row=("visit", "number"), default=dict
    )  # name -> answer, as `questions.dump` writes it (dates as ISO text)
    ask_again = models.JSONField(default=list)  # names of the questions that are asked again; [] asks everything
    at_home = models.BooleanField(default=False)  # filled in away from the clinic: it is never sent, only taken over
    given_at = EncryptedJSON(
        of="visit.patient", row=("visit", "number"), default=dict
    )  # name -> when it was answered, ISO; rows from before it was kept lack it
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
        """Return the names of answers that hold for their day only and were given before a moment, aware."""
        return [
            question.name
            for question in questions.QUESTIONS.values()
            if question.name in self.answers
            and question.name in questions.ON_THE_DAY
            and self.answered_at(question.name) < before
        ]

    def answered_at(self, name: str) -> dt.datetime:
        """Return when an answer was given; of rows that did not keep it, when all of them were sent or saved."""
        given = self.given_at.get(name)
        return dt.datetime.fromisoformat(given) if given else self.submitted_at or self.saved_at

    @property
    def to_ask(self) -> list[str]:
        """The names of the questions that alone are asked; [] is all. What was confirmed is asked no more."""
        left = [name for name in questions.QUESTIONS if name not in self.confirmed] if self.confirmed else []
        return self.ask_again or left

    @property
    def oldest_of_the_day(self) -> dt.datetime:
        """When the oldest of those answers was given that hold for their day only."""
        of_the_day = [
            name for name in self.answers if name in questions.QUESTIONS and not questions.QUESTIONS[name].stable
        ]
        return min((self.answered_at(name) for name in of_the_day), default=self.submitted_at or self.saved_at)

    @property
    def is_current(self) -> bool:
        """Whether it was answered on the questionnaire that is live now."""
        digest = self.questionnaire_sha256 or questions.digest()
        return (self.questionnaire_version, digest) == (questions.VERSION, questions.digest())

    @classmethod
    def of(cls, visit: Visit) -> Screening | None:
        """Return the visit's latest screening, or nothing if none was begun."""
        latest = cls.objects.filter(visit=visit).order_by("-number").first()
        if latest:
            latest.visit = visit  # else it would be asked for, to find the patient's key
        return latest


class Technique(models.TextChoices):
    """The three techniques of the clinic's article."""

    SUPERFICIAL = "superficial", "Superficial: just under the skin, 5 to 10 mm"
    PISTONING = "pistoning", "Pistoning: quick in and out of the tight spot"
    NON_TRIGGER_POINT = "non_trigger_point", "Non-trigger-point: in the muscle around the tight spot"


class Plan(WrittenOnce):
    """What the practitioner means to do."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="plans")
    number = models.PositiveSmallIntegerField(default=1)
    regions = models.JSONField()  # public names of regions, with sides: ["left_calf"]
    technique = models.CharField(max_length=20, choices=Technique.choices)
    electro = models.BooleanField("electrical stimulation")
    sessions = models.PositiveSmallIntegerField("expected number of sessions")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["visit", "number"], name="plans_are_numbered")]

    def __str__(self) -> str:
        return f"plan {self.number} of {self.visit_id}"

    @classmethod
    def of(cls, visit: Visit) -> Plan | None:
        """Return the visit's latest plan, or nothing."""
        return cls.objects.filter(visit=visit).order_by("-number").first()


class Flag(WrittenOnce):
    """One raised rule, as it was worded then."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="flags")
    key = models.CharField(max_length=600)  # of `rules.Raised`: the same rule, gravity and regions give the same key
    question = models.CharField(max_length=40)
    severity = models.CharField(max_length=10)
    reason = EncryptedText(of="screening.visit.patient", row=("screening", "question"))
    source = models.JSONField()  # {"title": …, "edition": …, "link": …}
    regions = models.JSONField(default=list)
    raised_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["screening", "key"], name="a_flag_is_raised_once")]

    def __str__(self) -> str:
        return f"{self.severity}: {self.question}"


class Assessment(WrittenOnce):
    """One run of the rules over a screening and a plan: which flags stand from here on."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="assessments")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="assessments")
    rules_version = models.CharField(max_length=40)
    policy = models.JSONField()  # the settings that the rules used, by name
    on_record = EncryptedJSON(
        of="screening.visit.patient", row=("screening",), default=list
    )  # adverse events that they were told of: event, day (ISO), what in words
    outcome = models.CharField(max_length=10)
    flags = models.ManyToManyField(Flag, related_name="assessments")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} of {self.screening_id}"


class Decision(WrittenOnce):
    """What a practitioner decided about one flag, and why. The latest of a flag counts."""

    class Outcome(models.TextChoices):
        CLEARED = "cleared", "Cleared"
        PRECAUTION = "precaution", "Clear with a precaution"
        NOT_TODAY = "not_today", "Not today"

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    reason = EncryptedText(of="flag.screening.visit.patient", row=("flag",))
    precaution = EncryptedText(
        of="flag.screening.visit.patient", row=("flag",), blank=True
    )  # goes into the consent text and the PDF
    until = EncryptedText("what must be true first", of="flag.screening.visit.patient", row=("flag",), blank=True)
    # Going ahead against a stop asks for the password again; null for every other decision.
    identity_checked_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="a_decision_has_a_reason"),
            models.CheckConstraint(
                condition=models.Q(outcome="precaution") & ~models.Q(precaution="")
                | ~models.Q(outcome="precaution") & models.Q(precaution=""),
                name="a_precaution_is_worded",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="not_today") & ~models.Q(until="") | ~models.Q(outcome="not_today"),
                name="not_today_says_until_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.flag_id}"

    @property
    def goes_ahead(self) -> bool:
        """Whether it lets the treatment go on."""
        return self.outcome != self.Outcome.NOT_TODAY


class Attestation(WrittenOnce):
    """Something a practitioner vouches for. The latest of a kind counts, within its screening where it has one."""

    class Kind(models.TextChoices):
        QUESTIONS_ANSWERED = "questions_answered", "The patient's questions were answered"
        INTERPRETER = "interpreter", "An interpreter takes part"
        CONSENTS_ALONE = "consents_alone", "The young person may consent alone"
        TALK = "talk", "The talk took place"
        GUARDIAN = "guardian", "A parent or guardian decides with the patient"
        CAPACITY = "capacity", "With help, the patient can decide"
        VITALS = "vitals", "Pulse and blood pressure"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="attestations")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, related_name="attestations")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # By kind, what `screening.vouching` asks for; of a talk: teach_back, {prompt: result}.
    data = EncryptedJSON(of="visit.patient", row=("visit", "kind"), default=dict)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.visit_id}"


class Closing(WrittenOnce):
    """How a review of a screening ended."""

    class Ending(models.TextChoices):
        CONSENT = "consent", "Go on to consent"
        BACK = "back", "Back to the patient"
        STOPPED = "stopped", "Not treated today"

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="closings")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="+")
    ending = models.CharField(max_length=10, choices=Ending.choices)
    reason = EncryptedText(of="screening.visit.patient", row=("screening",), blank=True)
    come_back = EncryptedText(
        "when to come back", of="screening.visit.patient", row=("screening",), max_length=200, blank=True
    )
    ask_again = models.JSONField(default=list)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(ending="stopped") | ~models.Q(reason=""), name="stopped_for_a_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ending}: {self.screening_id}"


class Claim(WrittenUntil):
    """One practitioner reviews this visit and no other does, until the review ends, they let go, or another takes over.

    Who held it when is evidence of who reviewed what, so rows stay.
    """

    final = "ended_at"
    open_fields = ("ended_at", "ended_why")

    class End(models.TextChoices):
        CLOSED = "closed", "the review ended"
        RELEASED = "released", "let go"
        TAKEN = "taken", "taken over by a colleague"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="claims")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=10, choices=End.choices, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=models.Q(ended_at=None), name="one_claim_a_visit"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_why="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_why="")),
                name="a_claim_ends_when_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by_id} has {self.visit_id}"

    @property
    def since(self) -> str:
        """The time, with the date if it was not today: "14:05", "3.12.2026 14:05"."""
        at = timezone.localtime(self.at)
        return f"{at:%H:%M}" if at.date() == timezone.localdate() else f"{at:%d.%m.%Y %H:%M}"

    @classmethod
    def of(cls, visit: Visit) -> Claim | None:
        """Return who has the visit now, or nothing."""
        return cls.objects.filter(visit=visit, ended_at=None).select_related("by").first()


class Clearance(WrittenOnce):
    """What a visit was cleared for consent on: by a review, or by the rules alone where nothing needed one."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="clearances")
    closing = models.OneToOneField(Closing, on_delete=models.PROTECT, null=True, related_name="clearance")
    answers_sha256 = models.CharField(max_length=64)  # of `clearance.answers_digest`, in hex
    rules_version = models.CharField(max_length=40)
    flags = models.JSONField(default=list)  # keys of those that needed a decision, and got one
    regions = models.JSONField(default=list)  # public names; [] while the place was left open
    technique = models.CharField(max_length=20, blank=True)
    electro = models.BooleanField("electrical stimulation", null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"clearance of {self.screening_id}"


class Lapse(WrittenOnce):
    """A clearance that no longer held when it was relied on, and why: the visit went back to the review."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="lapses")
    # Nothing where the visit was cleared before clearances were kept.
    clearance = models.OneToOneField(Clearance, on_delete=models.PROTECT, null=True, related_name="lapse")
    why = models.JSONField()  # values of `clearance.Why`
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"lapse of {self.visit_id}"


class Asked(WrittenOnce):
    """What a patient wanted to ask before signing. It holds the signature until it is attested as answered."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="asked")
    text = EncryptedText(of="visit.patient", row=("visit",))
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "asked"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"asked in {self.visit_id}"
