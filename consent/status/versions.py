"""Which words and rules are live, since when, and how many signed under each version. Reads only.

A consent is given for one visit and keeps the whole text it was given to. The next visit puts the live text to the
patient again, so a changed statement needs no rule of its own to be agreed to anew.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery

from clinic.models import VersionSeen
from consent.domain import statement
from consent.models import SignedConsent
from screening.domain import questionnaire, rules
from screening.models import Assessment

What = VersionSeen.What


@dataclass(frozen=True)
class Version:
    """One version as it was first used here. ``since`` and ``by`` are empty for a live one that nobody used yet.

    ``signed``: how many consents were given under this version's name. ``unnamed``: its content is not the one that was
    first used under that name, so somebody changed words or rules without giving them a new version.
    """

    version: str
    sha256: str
    live: bool
    signed: int
    since: dt.datetime | None = None
    by: str = ""
    unnamed: bool = False


def live() -> dict[VersionSeen.What, tuple[str, str]]:
    """Return the version and the SHA-256 (hex) of each of the three as this process runs them."""
    return {
        What.QUESTIONNAIRE: (questionnaire.VERSION, questionnaire.digest()),
        What.RULES: (rules.VERSION, rules.digest()),
        What.STATEMENT: (statement.VERSION, statement.digest()),
    }


def _signed(site: int | None) -> dict[VersionSeen.What, dict[str, int]]:
    latest = Assessment.objects.filter(screening=OuterRef("screening")).order_by("-id").values("rules_version")[:1]
    given: QuerySet[SignedConsent] = SignedConsent.objects.filter(visit__patient__site=site).order_by()
    by = {
        What.QUESTIONNAIRE: given.values_list("screening__questionnaire_version"),
        What.RULES: given.annotate(rules_version=Subquery(latest)).values_list("rules_version"),
        What.STATEMENT: given.values_list("statement_version"),
    }
    return {what: dict(rows.annotate(Count("pk", distinct=True))) for what, rows in by.items()}


def _by(seen: VersionSeen, site: int | None) -> str:
    who = seen.by or seen.tablet
    return "the system" if who is None else str(who) if who.site_id == site else "another clinic"


def versions(site: int | None) -> list[tuple[str, list[Version]]]:
    """Return the versions of each of the three, the live one first; what was signed and by whom in one clinic."""
    signed, now = _signed(site), live()
    known = [(seen, _by(seen, site)) for seen in VersionSeen.objects.select_related("by", "tablet")]
    return [(what.label, _of(what, known, signed[what], now[what])) for what in What]


def _of(
    what: VersionSeen.What, known: list[tuple[VersionSeen, str]], signed: dict[str, int], now: tuple[str, str]
) -> list[Version]:
    found: list[Version] = []
    for seen, by in known:
        if seen.what != what:
            continue
        found.append(
            Version(
                version=seen.version,
                sha256=seen.sha256,
                live=(seen.version, seen.sha256) == now,
                signed=signed.get(seen.version, 0),
                since=seen.at,
                by=by,
                unnamed=any(each.version == seen.version for each in found),
            )
        )
    if not any(each.live for each in found):
        version, sha256 = now
        unnamed = any(each.version == version for each in found)
        found.append(Version(version, sha256, live=True, signed=signed.get(version, 0), unnamed=unnamed))
    found.reverse()
    return sorted(found, key=lambda each: not each.live)
