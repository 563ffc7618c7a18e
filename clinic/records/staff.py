"""The manager's verbs: who works here, and what the clinic has set."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from clinic.accounts import sessions
from clinic.accounts import sites as places
from clinic.domain.flow import NotAllowed
from clinic.models import (
    Actor,
    Journal,
    PolicyChange,
    Site,
    User,
)
from clinic.models.sites import FIRST


@transaction.atomic
def save_staff(*, user: User, by: Actor, sites: Collection[int] = ()) -> None:
    """Save and record a staff member's account; somebody who may no longer sign in is signed out at once.

    ``sites``: the clinics in which they may work; somebody new works in the clinic of whoever adds them.
    """
    new = user.pk is None
    if not new and user.pk == by.staff.pk and not (user.is_manager and user.is_active):
        raise NotAllowed("You cannot take the manager's role from yourself.")
    if new and by.site:
        user.site_id = by.site
    user.save()
    if sites:
        places.set_sites(user, set(sites))
    Journal.objects.record("staff added" if new else "staff changed", by=by, staff=user.pk)
    if not user.is_active:
        sessions.end(user=user, by=by)


@transaction.atomic
def let_go(*, user: User, by: Actor) -> None:
    """Close an account, and sign its owner out everywhere, in every clinic."""
    user.is_active = False
    save_staff(user=user, by=by)


@transaction.atomic
def change_policy(*, by: Actor, **values: str | int | float) -> list[str]:
    """Change settings; return the names of those that changed. Raise ``ValueError`` naming what is not allowed."""
    current = PolicyChange.objects.policy()
    wanted = current.but(**values)
    changed = [name for name in values if getattr(wanted, name) != getattr(current, name)]
    for name in changed:
        PolicyChange.objects.create(name=name, value=getattr(wanted, name), by=by.staff)
        Journal.objects.record("setting changed", by=by, setting=name)
    if "clinic_name" in changed:  # under which the group's clinics are told apart
        Site.objects.filter(number=FIRST).update(name=wanted.clinic_name)
    return changed
