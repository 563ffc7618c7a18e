"""A page of questions as HTML. Without answers it is the same for everybody, so it is rendered once."""

from __future__ import annotations

from functools import lru_cache

from crispy_forms.utils import render_crispy_form
from django.utils.safestring import SafeString

from screening.domain import questionnaire
from screening.pages.patient.forms.answers import PageForm

PAGES = 512  # in one process: every page of the questionnaire, and pages of questions asked again


def drawn(form: PageForm) -> SafeString:
    """Return the fields of ``form`` as HTML; those of a page without answers come from the cache."""
    names = tuple(question.name for question in form.asked)
    if form.is_bound or not form.initial.keys().isdisjoint(names):
        return _fields(form)
    return _blank(names, form.as_heading)


@lru_cache(maxsize=PAGES)
def _blank(names: tuple[str, ...], as_heading: bool) -> SafeString:
    form = PageForm([questionnaire.QUESTIONS[name] for name in names], {}, as_heading=as_heading)
    return _fields(form)


def _fields(form: PageForm) -> SafeString:
    html: SafeString = render_crispy_form(form)
    return html
