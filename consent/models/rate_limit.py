"""How often strangers asked for a digest."""

from __future__ import annotations

from django.db import models


class Asked(models.Model):
    """How often one address asked the public page in one minute. Old rows go; no address is kept as such."""

    who = models.CharField(max_length=64)  # a keyed hash of the address
    minute = models.BigIntegerField()  # since 1970
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["who", "minute"], name="one_count_a_minute")]
        verbose_name_plural = "asked"

    def __str__(self) -> str:
        return f"{self.count} in minute {self.minute}"
