"""Staff: one account a person, with the roles that person holds."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q, QuerySet

from clinic.models.sites import FIRST, Site


class Role(StrEnum):
    """What a staff member may do. A person may hold several; each act is on record under the one used."""

    RECEPTION = "reception"
    PRACTITIONER = "practitioner"
    MANAGER = "manager"


class User(AbstractUser):
    """A staff member. Patients have no account."""

    full_name = models.CharField("name", max_length=200)
    registration_number = models.CharField("registration number", max_length=40, blank=True)
    is_reception = models.BooleanField("reception", default=False)
    is_practitioner = models.BooleanField("practitioner", default=False)
    is_manager = models.BooleanField("manager", default=False)

    # Where this person works now, and everywhere they may. One at a time: each act belongs to one clinic.
    site = models.ForeignKey(Site, on_delete=models.PROTECT, default=FIRST, related_name="+")
    sites = models.ManyToManyField(Site, blank=True, related_name="staff")

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = "staff member"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_practitioner=False) | ~models.Q(registration_number=""),
                name="practitioner_has_registration_number",
                violation_error_message="A practitioner needs a registration number: it is printed on every consent.",
            )
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    @property
    def roles(self) -> frozenset[Role]:
        """The roles this person holds."""
        return frozenset(role for role in Role if getattr(self, f"is_{role}"))

    @property
    def works_at(self) -> frozenset[int]:
        """The numbers of the clinics in which this person may work."""
        return frozenset(self.sites.values_list("number", flat=True)) | {self.site_id or FIRST}

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name


def staff_of(site: int | None) -> QuerySet[User]:
    """Return everybody who may work in a clinic, including those who left."""
    also = User.sites.through.objects.filter(site=site).values("user")
    return User.objects.filter(Q(site=site) | Q(pk__in=also))


def practitioners_of(site: int | None) -> QuerySet[User]:
    """Return the practitioners of a clinic whom a patient may be put down for, by name."""
    return staff_of(site).filter(is_practitioner=True, is_active=True).order_by("full_name")


def managed_by(manager: User) -> QuerySet[User]:
    """Return the staff of the manager's clinic who work in no clinic that is not the manager's too.

    An account opens every clinic of its owner: a manager of one must not open the way into another.
    """
    mine = manager.works_at
    elsewhere = User.sites.through.objects.exclude(site__in=mine).values("user")
    return staff_of(manager.site_id).filter(site__in=mine).exclude(pk__in=elsewhere)
