"""Staff: one account a person, with the roles that person holds."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.db import models


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

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name
