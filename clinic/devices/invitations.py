"""A patient's own phone: invite it, open the invitation on it, turn it away.

The link's secret travels in the part of the address that no browser sends to a server, and a page's script puts it into
a form. So a mail scanner that follows links cannot use it up, and no log keeps it. Only its hash is kept here.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from clinic.accounts.sites import check_here
from clinic.domain.dates import day_in_words
from clinic.domain.digests import sha256
from clinic.domain.flow import ON_TABLET, NotAllowed, Stage
from clinic.models import Actor, Hold, Invitation, Journal, PolicyChange, Tablet, Visit
from clinic.models.invitations import DESK_LIFE, TRIES
from clinic.storage import rate_limit

REFUSALS_A_MINUTE = 10


def check_invitable(visit: Visit, how: Invitation.How) -> None:
    """Raise ``NotAllowed`` unless this visit's patient may be invited in this way now.

    Away from the clinic, questions are answered but nothing is signed. So a link by e-mail, and any link before the
    visit's day, is only for patients who have not checked in.
    """
    if visit.parked_at:
        raise NotAllowed("This visit is parked. Check the birth date and reopen it first.")
    if visit.at not in ON_TABLET:
        raise NotAllowed(f"There is nothing for the patient to do now: “{visit.status}”.")
    if how == Invitation.How.EMAIL:
        _check_email(visit)
    if _away(visit, how) and not visit.has_not_checked_in:
        raise NotAllowed("This patient has begun here. Show a code on the visit’s day, or hand over a tablet.")


def _check_email(visit: Visit) -> None:
    if not visit.patient.email:
        raise NotAllowed("No e-mail address is on record. Add it on the patient’s page first.")
    days = PolicyChange.objects.policy().invite_days_before
    first, today = visit.day - dt.timedelta(days=days), timezone.localdate()
    if not first <= today <= visit.day:
        raise NotAllowed(f"The link can be e-mailed from {day_in_words(first)} to {day_in_words(visit.day)}.")


def _away(visit: Visit, how: Invitation.How | str) -> bool:
    """Whether the patient who opens such a link now counts as away from the clinic."""
    return how == Invitation.How.EMAIL or timezone.localdate() < visit.day


@transaction.atomic
def invite(*, visit: Visit, how: Invitation.How, by: Actor) -> tuple[Invitation, str]:
    """Make a link to this visit; return it with its secret, which is not stored. An earlier link and its phone end.

    Raise ``NotAllowed`` as ``check_invitable`` does.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    check_here(by, visit.patient.site_id)
    check_invitable(visit, how)
    for earlier in Invitation.objects.now().filter(visit=visit):
        end_invitation(invitation=earlier, why=Invitation.Why.REPLACED, by=by)
    token, now = Invitation.new_token(), timezone.now()
    invitation = Invitation.objects.create(
        visit=visit,
        how=how.value,
        token_sha256=sha256(token),
        made_by=by.staff,
        made_at=now,
        expires_at=now + DESK_LIFE if how == Invitation.How.DESK else _end_of(visit.day),
    )
    Journal.objects.record("phone invited", by=by, visit=visit, method=how.value)
    return invitation, token


def _end_of(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time()))


@transaction.atomic
def open_invitation(*, token: str, born: dt.date) -> tuple[Tablet, str] | None:
    """Bind the device that sent a link's secret and the patient's birth date to the visit; return it and its cookie.

    Return ``None``, whatever was wrong. The third wrong date ends the link.
    """
    invitation = Invitation.objects.with_token(token)
    if invitation is None or not _may_open(invitation):
        _note_refusal()
        return None
    if born != invitation.visit.patient.born:
        _count_miss(invitation)
        return None
    return _bind(invitation)


def _may_open(invitation: Invitation) -> bool:
    try:
        check_invitable(invitation.visit, Invitation.How(invitation.how))
    except NotAllowed:
        return False
    return True


def _note_refusal() -> None:
    """Record a refusal, at most ten times a minute: anyone can be refused, at any speed."""
    if rate_limit.allow("phone-refused", {rate_limit.EVERYBODY: REFUSALS_A_MINUTE}):
        Journal.objects.record("phone refused", by=Actor())


def _count_miss(invitation: Invitation) -> None:
    invitation.tries += 1
    invitation.save(update_fields=["tries"])
    Journal.objects.record("phone refused", by=Actor(), visit=invitation.visit, count=invitation.tries)
    if invitation.tries >= TRIES:
        end_invitation(invitation=invitation, why=Invitation.Why.TRIES, by=Actor())


def _bind(invitation: Invitation) -> tuple[Tablet, str]:
    visit, now = invitation.visit, timezone.now()
    phone = Tablet.objects.create(
        kind=Tablet.Kind.PHONE.value,
        name=f"the patient’s phone ({invitation.pk})",
        created_by=invitation.made_by,
        site_id=visit.patient.site_id,
    )
    by, cookie = Actor(tablet=phone), phone.new_token()
    invitation.opened_at, invitation.tablet = now, phone
    invitation.save(update_fields=["opened_at", "tablet"])
    for hold in Hold.objects.now().filter(visit=visit):
        hold.end("moved")
        Journal.objects.record("tablet taken back", by=by, visit=visit, hold=hold.pk, why="moved")
    Hold.objects.create(tablet=phone, visit=visit, handed_by=invitation.made_by, handed_at=now, identified_at=now)
    at_home = now if _away(visit, invitation.how) else None
    visit.mark(by=by, action="phone opened", needs_time_at=None, at_home_at=at_home)
    if visit.at is Stage.EXPECTED:
        visit.move(Stage.ANSWERING, by=by)
    return phone, cookie


@transaction.atomic
def end_invitation(*, invitation: Invitation, why: Invitation.Why, by: Actor) -> None:
    """End a link, unless it has ended, and turn away the phone that opened it. The answers stay."""
    active = Invitation.objects.now().filter(pk=invitation.pk)
    if not active.update(ended_at=timezone.now(), ended_why=why.value):
        return
    if invitation.tablet and (hold := invitation.tablet.hold):
        hold.end("returned")
    Journal.objects.record("phone ended", by=by, visit=invitation.visit, why=why.value)
