"""The verbs of a group's clinics: add one, and go to work in another."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Journal, Site, User
from clinic.models.sites import FIRST


def check_here(by: Actor, *sites: int | None) -> None:
    """Raise ``NotAllowed`` unless all of these are the clinic that ``by`` acts in."""
    if any(site != by.site for site in sites):
        raise NotAllowed("This belongs to another clinic.")


@transaction.atomic
def add_site(*, name: str, address: str, phone: str, by: Actor) -> Site:
    """Add a clinic to the group; whoever adds it may work there. Only a manager of the first clinic may add one."""
    if by.site != FIRST:
        raise NotAllowed("Only a manager of the first clinic can add a clinic.")
    last = Site.objects.aggregate(last=Max("number"))["last"]
    site = Site.objects.create(number=last + 1, name=name, address=address, phone=phone)
    by.staff.sites.add(*by.staff.works_at, site.number)
    Journal.objects.record("clinic added", by=by, number=site.number)
    return site


CHANGEABLE = ("name", "address", "phone")


@transaction.atomic
def change_site(*, site: Site, name: str, address: str, phone: str, by: Actor) -> None:
    """Change a clinic's name and contacts. Only a manager of the first clinic may."""
    if by.site != FIRST:
        raise NotAllowed("Only a manager of the first clinic can change a clinic.")
    site.name, site.address, site.phone = name, address, phone
    site.save(update_fields=CHANGEABLE)
    Journal.objects.record("clinic changed", by=by, number=site.number)


@transaction.atomic
def work_at(*, site: Site, by: Actor) -> None:
    """Let the staff member who acts work in ``site`` from the next page on. Raise ``NotAllowed`` if they may not."""
    me = by.staff
    if site.number not in me.works_at:
        raise NotAllowed("You do not work in that clinic. Ask a manager.")
    Journal.objects.record("clinic left", by=by, number=me.site_id)
    me.sites.add(*me.works_at)
    me.site_id = site.number
    me.save(update_fields=["site"])
    Journal.objects.record("clinic chosen", by=by, number=site.number)


def set_sites(user: User, numbers: set[int]) -> None:
    """Let ``user`` work in these clinics and in no other."""
    user.sites.set(numbers)
    if user.site_id not in numbers:
        user.site_id = min(numbers)
        user.save(update_fields=["site"])
