"""The journal in plain sentences, for managers: what happened, never what was answered. Pure: no Django.

Every action that the rooms write has its sentence here, in the group under which a manager looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinic.domain.flow import WORDS, Stage
from clinic.domain.policy import SETTINGS


@dataclass(frozen=True)
class Group:
    """Actions that belong together. ``actions``: each with its sentence; braces take a field of the row."""

    name: str
    label: str
    actions: Mapping[str, str]


GROUPS: tuple[Group, ...] = (
    Group(
        "visits",
        "Visits and tablets handed over",
        {
            "visit added": "Put a visit on the board",
            "visit moved": "The visit went from “{from}” to “{to}”",
            "visit given another record": "The visit now belongs to another patient record: two were one person",
            "tablet handed over": "Handed over the tablet for this visit",
            "device lent": "Handed over their own device for this visit, and was signed out on it",
            "tablet taken back": "The tablet’s part ended: {why}",
            "look chosen": "The patient chose how the pages look: text size or contrast",
            "birth date confirmed": "The date of birth typed on the tablet was right",
            "birth date missed": "The date of birth typed on the tablet was wrong, time {count}",
            "visit parked": "Parked the visit after three wrong dates of birth",
            "parked visit reopened": "Reopened the parked visit",
            "phone invited": "Made a link to the questions for the patient’s own phone: {method}",
            "phone opened": "The link was opened on the patient’s own phone, with the right date of birth",
            "phone refused": "A link to the questions was refused: not ours, used, too old, or a wrong date of birth",
            "phone ended": "The patient’s own phone was turned away: {why}",
            "answered at home": "Answered every question at home; what changes by the day is asked again",
            "urgent": "The tablet called for help: an urgent symptom was ticked",
            "urgent call taken": "Went to the patient who needed help",
        },
    ),
    Group(
        "answers",
        "Answers and review",
        {
            "screening begun": "Began the questions (version {number} of the answers)",
            "answers saved": "Saved one page of answers",
            "question asked": "The patient wrote down something to ask",
            "paper form printed": "Printed a blank form for this visit (paper form {number})",
            "paper form recorded": "Typed in what the patient wrote on paper (paper form {number})",
            "answers sent": "Sent the answers (version {number})",
            "answers reopened": "Opened the answers to be changed (version {number}): {why}",
            "answers confirmed": "Confirmed {count} answers of an earlier visit",
            "clearance lapsed": "What was cleared no longer counts: {why}",
            "rules run": "The rules looked at the answers and the plan",
            "version first used": "First use here of a version of the {kind}",
            "review claimed": "Took the review on",
            "review let go": "Let the review go, so that a colleague can take it",
            "review taken over": "Took the review over from {staff}",
            "plan saved": "Saved a plan (number {number})",
            "flag decided": "Decided about a flag (number {flag})",
            "vouched for": "Put a part of the talk with the patient on record",
            "talk given": "Had the talk that the patient asked for",
            "review closed": "Ended the review: {ending}",
        },
    ),
    Group(
        "treatment",
        "Treatment and what went wrong",
        {
            "session recorded": "Recorded the treatment (version {number})",
            "adverse event recorded": "Recorded an adverse event (number {number})",
            "adverse event followed up": "Noted how an adverse event goes on (number {number})",
            "adverse event in error": "Said that an adverse event was recorded in error (number {number})",
        },
    ),
    Group(
        "consents",
        "Consent, signature, seal and copies",
        {
            "consent given": "Consent was given and signed on the tablet",
            "session agreed": "The patient said yes to one more session of the course",
            "signature witnessed": "Saw how the consent was given, and confirmed it with a password: {staff}",
            "witness refused": "Somebody was refused as a witness on the tablet: wrong user name or password",
            "consent voided": "The signature no longer counts: {why}",
            "patient wants to talk": "The patient wants to talk before signing",
            "patient needs more time": "The patient wants more time to decide",
            "consent withdrawn": "The consent was taken back",
            "consent superseded": "The consent no longer holds: a newer one, or a change",
            "consent entered in error": "The consent was said to be entered in error",
            "seal key used": "Used the clinic’s sealing key for a document",
            "sealing failed": "The document could not be sealed",
            "sealing worked": "The document was sealed after it had failed before",
            "sealing asked for again": "Asked for the seal once more",
            "what came after sealed": "Sealed the document of what came after the consent",
            "timestamp kept": "Kept a timestamp of a sealed document",
            "copy asked for": "Asked for a copy by {method}",
            "copy sent": "Sent a copy by {method}",
            "aftercare asked for": "Asked for the aftercare sheet by {method}",
            "aftercare sent": "Sent the aftercare sheet by {method}",
        },
    ),
    Group(
        "views",
        "Records opened, printed, downloaded",
        {
            "figures exported": "Exported the figures: {kind}",
            "board opened": "Opened the board of a day ({count} visits)",
            "queue opened": "Opened the review queue ({count} waiting)",
            "patients searched": "Searched for a patient ({count} found)",
            "patient opened": "Opened a patient’s page",
            "visit opened": "Opened the visit’s page",
            "review opened": "Opened the review, with the answers",
            "confirmation opened": "Opened the confirmation, with what was signed",
            "note opened": "Opened the patient’s note, to print",
            "documents listed": "Opened the list of a consent’s documents",
            "document opened": "Opened the sealed document, to read or print",
            "document downloaded": "Downloaded the sealed document",
            "aftercare opened": "Opened the aftercare sheet, to print",
            "adverse event opened": "Opened an adverse event (number {number})",
            "record opened in an emergency": "Opened this record from another clinic, in an emergency ({number})",
            "emergency search": "Looked in vain for a record of another clinic, in an emergency",
            "emergencies opened": "Opened the list of records that were opened from another clinic",
            "record exported": "Exported everything about a patient ({count} visits)",
            "looks opened": "Opened the list of who looked at a record",
            "journal opened": "Opened the journal",
        },
    ),
    Group(
        "access",
        "Signing in, refused pages",
        {
            "signed in": "Signed in with the password alone",
            "signed in by app": "Signed in with the password and a code of the authenticator app",
            "signed in by recovery code": "Signed in with the password and a recovery code",
            "signed in by passkey": "Signed in with a passkey",
            "signed out": "Signed out",
            "sign-in refused": "Somebody was refused at the sign-in: wrong user name or password",
            "session ended": "Was signed out by the clock: {why}",
            "sessions ended": "Ended {count} sessions of {staff}",
            "enrolment link made": "Made a one-time link to enrol with, for {staff}",
            "enrolled": "Used a one-time link: chose a password, and lost every second factor of before",
            "sign-in unlocked": "Let {staff} try to sign in again after too many wrong tries",
            "password changed": "Changed their own password",
            "second factor refused": "A wrong code was typed at the sign-in",
            "second factor added": "Added a second factor: {method}",
            "second factor removed": "Removed a second factor: {method}",
            "recovery codes made": "Made new recovery codes",
            "identity checked again": "Typed the password again, to go ahead against a stop",
            "identity check refused": "Typed a wrong password where it is asked again (try {count} in five minutes)",
            "access refused": "Was refused a page: {route}",
        },
    ),
    Group(
        "clinic",
        "Patient records, staff, tablets, settings, keys",
        {
            "patient added": "Added a patient record",
            "patient corrected": "Corrected a patient record: {field}",
            "patients merged": "Made two patient records one",
            "staff added": "Added a staff account: {staff}",
            "staff changed": "Changed a staff account: {staff}",
            "tablet added": "Added the tablet {tablet}",
            "pairing code made": "Made a pairing code for the tablet {tablet}",
            "tablet paired": "A device became the tablet {tablet}",
            "pairing code missed": "A wrong pairing code was typed (try {count} on the code of {tablet})",
            "tablet token replayed": "An old token of the tablet {tablet} came back: a copy of it is about",
            "tablet revoked": "Turned away the tablet {tablet}",
            "emergency seen": "Looked at an opening of a record from another clinic ({number})",
            "clinic added": "Added a clinic to the group (clinic {number})",
            "clinic changed": "Changed the name or the contacts of clinic {number}",
            "clinic left": "Left clinic {number}, to work in another",
            "clinic chosen": "Began to work in clinic {number}",
            "setting changed": "Changed a setting: {setting}",
            "record held": "Held a patient’s record: it is kept whatever its age",
            "record let go": "Ended the hold on a patient’s record",
            "record erased": "Erased a patient’s record: its key was destroyed; {count} digests stay",
            "data keys rotated": "Encrypted the keys of {count} patients, and all second factors, under a new key",
            "patients indexed": "Indexed {count} patients’ names with a new key",
            "sealing keys made": "Made the clinic’s root and sealing key",
            "sealing key changed": "Changed the sealing key for the next",
            "sealing key revoked": "Revoked a sealing key",
            "journal anchored": "Anchored the journal outside the database (anchor {number})",
            "backup taken": "Took a {kind} backup, up to row {number} of the journal",
        },
    ),
)

# What is done with or for a patient: a record's age counts from the last of it. To read a record, or to put its papers
# in order, is no contact.
CONTACTS = frozenset(
    action
    for group in GROUPS
    if group.name in ("visits", "answers", "treatment", "consents")
    for action in group.actions
    if not action.startswith(("visit given", "version", "sealing", "seal key", "timestamp"))
) | {"patient corrected"}
SENTENCES: Mapping[str, str] = {action: words for group in GROUPS for action, words in group.actions.items()}
# Words for values from our own lists. What is not listed is shown as it is.
VALUES: Mapping[str, Mapping[str, str]] = {
    "from": {stage.value: WORDS[stage] for stage in Stage},
    "to": {stage.value: WORDS[stage] for stage in Stage},
    "setting": {name: setting.label for name, setting in SETTINGS.items()},
    "field": {"name": "the name", "born": "the date of birth", "phone": "the phone number", "email": "the e-mail"},
    "ending": {"consent": "go on to consent", "back": "back to the patient", "stopped": "not treated today"},
    "kind": {"statement": "consent text"},
    "method": {
        "desk": "shown at the desk",
        "email": "sent by e-mail",
        "totp": "an authenticator app",
        "webauthn": "a passkey",
    },
    "why": {
        "returned": "taken back by staff, or nothing left to do on it",
        "moved": "another tablet or another visit came",
        "away": "it locked, because nobody touched it",
        "stopped": "the visit was stopped",
        "tries": "three wrong dates of birth",
        "revoked": "taken back by staff",
        "replaced": "a newer link was made",
        "idle": "nothing was done for 15 minutes",
        "age": "10 hours are the most",
        "unsent": "the e-mail could not be sent",
    },
}


class _Fields(dict[str, str]):
    """A field that a row lacks reads as a question mark: an old or odd row must not break the page."""

    def __missing__(self, name: str) -> str:
        return "?"


def sentence(action: str, data: Mapping[str, Any], **words: str) -> str:
    """Return what happened in a plain sentence without its full stop.

    ``words``: for what the row names by number ("staff", "tablet"). An action without a sentence is shown by its name.
    """
    fields = _Fields({name: VALUES.get(name, {}).get(str(value), str(value)) for name, value in data.items()})
    if "route" in fields:
        fields["route"] = fields["route"].replace("_", " ")
    fields.update(words)
    return SENTENCES.get(action, action.capitalize().replace("{", "{{").replace("}", "}}")).format_map(fields)


def actions_of(name: str) -> tuple[str, ...]:
    """Return the actions of a group. Raise ``ValueError`` naming the groups if there is no such group."""
    for group in GROUPS:
        if group.name == name:
            return tuple(group.actions)
    raise ValueError(f"{name}: no such group; allowed: {', '.join(group.name for group in GROUPS)}")
