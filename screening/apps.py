"""The screening room."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "screening"
