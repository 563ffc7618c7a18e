"""Which versions of the questionnaire, the rules and the statement were ever used here, and since when."""

from __future__ import annotations

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from clinic.models.actors import Actor
from clinic.models.journal import Journal
from clinic.models.staff import User
from clinic.storage.append_only import AppendOnly


class VersionSeenQuerySet(models.QuerySet["VersionSeen"]):
    def seen(self, what: str, version: str, sha256: str, *, by: Actor) -> None:
        """Record that ``by`` used this version, unless it was used before. ``what`` is one of ``VersionSeen.What``."""
        if self.filter(what=what, version=version, sha256=sha256).exists():
            return
        try:
            with transaction.atomic():
                self.create(what=what, version=version, sha256=sha256, by=by.user, tablet=by.tablet)
                Journal.objects.record("version first used", by=by, kind=what, digest=sha256)
        except IntegrityError:  # another request was first: its row counts
            return


class VersionSeen(AppendOnly):
    """The first use of one version. A deployment has no account here, so this says who used it first."""

    class What(models.TextChoices):
        QUESTIONNAIRE = "questionnaire", "Questionnaire"
        RULES = "rules", "Rules"
        STATEMENT = "statement", "Consent text"

    what = models.CharField(max_length=15, choices=What.choices)
    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    tablet = models.ForeignKey("clinic.Tablet", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = VersionSeenQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "versions seen"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["what", "version", "sha256"], name="a_version_is_first_used_once")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.version}"
