"""Who acts, and in which clinic: the ``by`` of every verb."""

from __future__ import annotations

from dataclasses import dataclass

from clinic.models.staff import Role, User
from clinic.models.tablets import Tablet


@dataclass(frozen=True)
class Actor:
    """Who acts: a staff member under one role, a tablet (whoever holds it), or the system itself."""

    user: User | None = None
    role: Role | None = None
    tablet: Tablet | None = None
    opened: frozenset[int] = frozenset()  # another clinic's patients whose records this request may read

    @property
    def site(self) -> int | None:
        """The number of the clinic in which this is done; ``None`` for the system, which sees nobody's pages."""
        return self.user.site_id if self.user else self.tablet.site_id if self.tablet else None

    @property
    def kind(self) -> str:
        """``staff``, ``tablet`` or ``system``."""
        return "staff" if self.user else "tablet" if self.tablet else "system"

    @property
    def staff(self) -> User:
        """The staff member. Raise ``ValueError`` if a tablet or the system acts."""
        if self.user is None:
            raise ValueError(f"This act needs a staff member, not {self.kind}.")
        return self.user


SYSTEM = Actor()
