"""The row by which `/readyz` tests the database."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """One row that `/readyz` writes, to see that the database can be written."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
