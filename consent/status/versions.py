"""Which words and rules are live, since when, and how many signed under each version. Reads only.

A consent keeps the whole text that it was given to, and the next visit shows the patient the live one. So a changed
statement needs no rule of its own to be agreed to again.
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
    """One version as it was first used here. ``since`` and ``by`` are empty for a live one that nobody has used yet.

    ``signed``: how many consents were given under this version's name. ``unnamed``: its content differs from the one
    first used under that name: somebody changed words or rules without giving them a new version.
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
    """Return the versions of each of the three, the live one first; ``signed`` and ``by`` are those of one clinic."""
    signed, current = _signed(site), live()
    rows = [(seen, _by(seen, site)) for seen in VersionSeen.objects.select_related("by", "tablet")]
    return [(what.label, _of(what, rows, signed[what], current[what])) for what in What]


def _of(
    what: VersionSeen.What, rows: list[tuple[VersionSeen, str]], signed: dict[str, int], current: tuple[str, str]
) -> list[Version]:
    used: list[Version] = []
    for seen, by in rows:
        if seen.what != what:
            continue
        used.append(
            Version(
                version=seen.version,
                sha256=seen.sha256,
                live=(seen.version, seen.sha256) == current,
                signed=signed.get(seen.version, 0),
                since=seen.at,
                by=by,
                unnamed=any(earlier.version == seen.version for earlier in used),
            )
        )
    if not any(version.live for version in used):
        name, sha256 = current
        unnamed = any(version.version == name for version in used)
        used.append(Version(name, sha256, live=True, signed=signed.get(name, 0), unnamed=unnamed))
    used.reverse()
    return sorted(used, key=lambda version: not version.live)
