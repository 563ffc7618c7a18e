"""The rules run once in a confirmation, once in a signature, and not at all on a page that only shows."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.urls import reverse

from clinic.domain.flow import Stage
from screening.domain import rules
from tests.support.consents import SIGN, filled, form, ready, signed
from tests.support.factories import practitioner, ready_for_review, staff_client, tablet_client

pytestmark = pytest.mark.django_db


class Runs:
    """How often the rules ran since it was asked last."""

    def __init__(self, real: object) -> None:
        self.count, self.real = 0, real

    def __call__(self, seen: rules.RuleInput) -> rules.RuleResult:
        self.count += 1
        return self.real(seen)  # type: ignore[operator,no-any-return]

    def of(self, answer: object) -> int:
        ran, self.count = self.count, 0
        return ran


@pytest.fixture
def runs() -> Iterator[Runs]:
    counted = Runs(rules.run)
    with patch.object(rules, "run", counted):
        yield counted


def test_once_in_a_confirmation(runs: Runs):
    visit = signed()
    client = staff_client(visit.practitioner or practitioner())
    runs.of(None)
    assert runs.of(client.get(reverse("confirm", args=[visit.pk]))) == 0
    assert runs.of(client.post(reverse("confirm", args=[visit.pk]), form())) == 1
    visit.refresh_from_db()
    assert visit.at in (Stage.CONFIRMED, Stage.SEALED)
    assert runs.of(client.get(reverse("confirm", args=[visit.pk]))) == 0


def test_once_in_a_signature(runs: Runs):
    visit = ready()
    client = tablet_client(visit)
    data = filled(visit)
    runs.of(None)
    assert runs.of(client.get(SIGN)) == 0
    assert runs.of(client.post(SIGN, data)) == 1
    visit.refresh_from_db()
    assert visit.at is Stage.SIGNED


@pytest.mark.parametrize("name", ["review", "visit", "queue", "board"])
def test_not_at_all_on_a_page_that_only_shows(runs: Runs, name: str):
    visit = ready_for_review(epilepsy="yes", blood_thinners="unsure")
    runs.of(None)
    address = reverse(name, args=[visit.pk]) if name in ("review", "visit") else reverse(name)
    assert runs.of(staff_client(practitioner()).get(address, follow=True)) == 0


def test_again_where_what_they_look_at_changed(runs: Runs):
    """The control: a page that is read to be signed notices a birth date that was corrected since."""
    visit = ready()
    client = tablet_client(visit)
    visit.patient.born = visit.patient.born.replace(year=visit.patient.born.year + 1)
    visit.patient.save()
    runs.of(None)
    assert runs.of(client.get(SIGN)) >= 1
