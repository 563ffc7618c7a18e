"""Words that make a weak password here: those of the trade, of this product, and of the clinic's name."""

from __future__ import annotations

import re

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from clinic.models import PolicyChange

OF_THE_TRADE = (
    "physiotherapist physiotherapy physio practitioner acupuncture needling needle consent screening tablet patient "
    "dry clinic reception manager password welcome"
).split()
LEAST_LEFT = 8  # characters, once these words are taken out
SHORTEST_WORD = 4  # of the clinic's name; "the" and "of" are everywhere


class NotOurWords:
    """Refuse a password of which little is left without such words. How little is a design judgement."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ``ValidationError``."""
        name = re.findall(rf"\w{{{SHORTEST_WORD},}}", PolicyChange.objects.policy().clinic_name)
        left = password.casefold()
        for word in (*OF_THE_TRADE, *name):
            left = left.replace(word.casefold(), "")
        if left != password.casefold() and len(left) < LEAST_LEFT:
            raise ValidationError(
                "This is mostly words that anybody would try here. Add some that have nothing to do with the clinic."
            )

    def get_help_text(self) -> str:
        return "Not mostly words of the clinic and the trade."
