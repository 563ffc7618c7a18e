"""Who works at the desk."""

from __future__ import annotations

import pytest
from django.test import Client

from clinic.models import Actor, Role, User
from tests.support.factories import acting, practitioner, receptionist, staff_client


@pytest.fixture
def desk() -> Actor:
    return acting(receptionist(), Role.RECEPTION)


@pytest.fixture
def physio() -> User:
    return practitioner("Kim Physio")


@pytest.fixture
def signed_in(physio: User) -> Client:
    return staff_client(physio)
