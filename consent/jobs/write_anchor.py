"""Write an anchor of the journal, on demand or when one is due. What an anchor is: ``anchors``."""

from __future__ import annotations

import datetime as dt
import logging

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clinic.models import Journal
from clinic.models.actors import SYSTEM
from consent.seal import anchors, installation_trust

EVERY = dt.timedelta(hours=1)
log = logging.getLogger(__name__)


def anchor() -> anchors.Anchor:
    """Write one anchor and return it.

    The journal notes it first, because the sealing key is used for it; that row is the last one the anchor covers.
    Raise ``KeyTrouble`` if the key cannot be used, ``BadAnchor`` if the file holds something
    else, ``Busy`` if another process writes one now, and ``OSError`` if the file takes no more.
    """
    key, path = installation_trust.seal_key(), settings.ANCHORS_FILE
    with anchors.alone(path):
        before = anchors.read(path)
        with transaction.atomic():
            noted = Journal.objects.record(
                "journal anchored",
                by=SYSTEM,
                number=len(before) + 1,
                digest=before[-1].digest if before else "",
                certificate=key.sha256,
            )
            count = Journal.objects.count()
        # Only now: were the row lost in a crash, an anchor of it would say for ever that the journal lost its end.
        made = anchors.make(
            number=len(before) + 1,
            seq=noted.seq,
            hash=noted.hash,
            count=count,
            at=noted.at,
            certificate=key.sha256,
            sign=lambda data: key.private.sign(data, ECDSA(SHA256())),
        )
        anchors.append(path, made)
    return made


def anchor_if_due() -> None:
    """Write an anchor if the last one is older than an hour. What prevents it is logged and raised to nobody.

    The worker calls this after each seal: that the journal has no anchor is no reason to say that sealing failed.
    """
    try:
        before = anchors.read(settings.ANCHORS_FILE)
        if not before or timezone.now() - before[-1].when >= EVERY:
            anchor()
    except anchors.Busy:
        return
    except Exception:  # disk, key, database: all of them are the administrator's, none of them the seal's
        log.exception("The journal could not be anchored.")
