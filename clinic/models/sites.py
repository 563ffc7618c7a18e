"""The clinics of one installation. Each keeps its own patients, tablets and board; staff work in one at a time."""

from __future__ import annotations

from django.db import models

FIRST = 1  # the clinic that every installation has; the settings name it


class Site(models.Model):
    """A clinic of a group. The first has its name and contacts from the settings; the others have their own."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.name
