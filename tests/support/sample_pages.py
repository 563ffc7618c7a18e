"""A tablet page and a desk page with one question of each kind, for the tests of the look. A URLconf of its own."""

from __future__ import annotations

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

from clinic.web.access import anyone
from clinic.web.fields import DayField

YNU = [("yes", "Yes"), ("no", "No"), ("unsure", "I am not sure"), ("prefer_not", "I would rather not say")]
REGIONS = [
    ("Legs", [("left_calf", "Left calf"), ("right_calf", "Right calf")]),
    ("Back", [("lower_back", "Lower back")]),
]


class SampleForm(forms.Form):
    use_required_attribute = False

    infection_now = forms.ChoiceField(
        label="Do you have an infection now?",
        help_text="Such as a cold, a fever or a skin infection.",
        choices=YNU,
        widget=forms.RadioSelect,
        error_messages={"required": "Select yes if you have an infection now."},
    )
    infection_kinds = forms.MultipleChoiceField(
        label="What kind of infection?",
        choices=[("fever", "Fever"), ("chest", "Chest"), ("none", "None of these")],
        widget=forms.CheckboxSelectMultiple(attrs={"data-exclusive": "none"}),
        error_messages={"required": "Select each kind, or “None of these”."},
    )
    regions = forms.MultipleChoiceField(
        label="Where?",
        choices=REGIONS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Select where."},
    )
    needle_fear = forms.ChoiceField(
        label="How afraid of needles are you?",
        choices=[(str(n), str(n)) for n in range(11)],
        widget=forms.RadioSelect(attrs={"data-scale": "not afraid|very afraid"}),
        error_messages={"required": "Select a number from 0 to 10."},
    )
    surgery_date = DayField(label="When was it?", help_text="For example 27 3 2026.")
    medicines = forms.CharField(
        label="Which medicines do you take?",
        help_text="Every one, also from the shop.",
        widget=forms.Textarea,
        error_messages={"required": "Enter your medicines."},
    )
    other = forms.CharField(label="Anything else?", required=False)
    agree = forms.BooleanField(label="I agree", error_messages={"required": "Tick the box if you agree."})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].optional = True
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True


class SignForm(forms.Form):
    """Always refused, so that a test sees what comes back after a 422."""

    use_required_attribute = False
    strokes = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> None:
        raise forms.ValidationError("Tick that you agree.")


TABLET = """{% extends "tablet.html" %}{% load crispy_forms_tags %}
{% block title %}Your health{% endblock %}
{% block back %}<a href="/tablet/">Back</a>{% endblock %}
{% block progress %}Part 3 of 9{% endblock %}
{% block main %}{% include "components/error_summary.html" with form=form %}
<h1>Your health</h1>
<form method="post" novalidate autocomplete="off">{% csrf_token %}{% crispy form %}
<div class="actions"><button class="btn btn-primary btn-lg">Continue</button></div></form>{% endblock %}"""

# The way to sign is chosen by radio; each way's part shows while its radio is on.
SIGN = """{% extends "tablet.html" %}
{% block title %}Sign{% endblock %}
{% block main %}{% include "components/error_summary.html" with form=form %}<h1>Sign</h1>
<form method="post" novalidate autocomplete="off">{% csrf_token %}
<label><input type="radio" name="way" value="draw" checked> Draw</label>
<label><input type="radio" name="way" value="type"> Type</label>
<div data-when="way=draw">{% include "components/signature.html" with field=form.strokes label="Your signature" %}</div>
<p data-when="way=type"><label for="typed">Your name</label> <input id="typed"></p>
<div class="actions"><button class="btn btn-primary btn-lg" name="act" value="agree">I agree</button></div></form>
{% endblock %}"""

WAITING = """{% extends "tablet.html" %}
{% block title %}Wait{% endblock %}
{% block body_attributes %} data-poll="/sample/state/" data-poll-state="{{ state }}"{% endblock %}
{% block main %}<h1>{{ state }}</h1>{% endblock %}"""

DESK = """{% extends "desk.html" %}{% load crispy_forms_tags %}
{% block title %}Review{% endblock %}
{% block main %}{% include "components/error_summary.html" with form=form %}<h1>Review</h1>
<p>{% for each in severities %}{% include "components/severity.html" with severity=each %} {% endfor %}</p>
<div class="panel"><form method="post" novalidate autocomplete="off">{% csrf_token %}{% crispy form %}
<button class="btn btn-primary">Save</button> <button class="btn btn-outline-secondary">Leave</button></form></div>
{% endblock %}"""

URGENT = """<div class="urgent-call"><p><strong>Sam Example</strong> needs help now.</p>
<form method="post" action="/sample/board/">{% csrf_token %}
<button id="going-1" class="btn btn-light">I am going</button></form></div>"""

SEVERITIES = ["urgent", "stop", "defer", "review", "caution", "note", "clear"]


def _answer(request: HttpRequest, template: str, kind: type[forms.Form], **more: Any) -> HttpResponse:
    form = kind(request.POST or None)
    status = 422 if request.POST and not form.is_valid() else 200
    html = engines["django"].from_string(template).render({"form": form, **more}, request)
    return HttpResponse(html, status=status)


@anyone
def tablet_page(request: HttpRequest) -> HttpResponse:
    return _answer(request, TABLET, SampleForm)


@anyone
def sign_page(request: HttpRequest) -> HttpResponse:
    return _answer(request, SIGN, SignForm)


@anyone
def waiting_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(WAITING).render({"state": shows[-1]}, request))


@anyone
def state(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"state": shows[-1]})


@anyone
def desk_page(request: HttpRequest) -> HttpResponse:
    return _answer(request, DESK, SampleForm, severities=SEVERITIES)


@anyone
def urgent(request: HttpRequest) -> HttpResponse:
    """Call for Sam as long as a test wants it; clinic's own view has its own tests."""
    html = URGENT if called else ""
    return HttpResponse(engines["django"].from_string(html).render({}, request))


@anyone
def nowhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


NAMES = ["resume", "account_login", "logout", "mfa_index", "board", "queue"]
NAMES += ["manage_tablets", "manage_staff", "manage_settings", "manage_versions"]
called: list[str] = []
shows: list[str] = ["wait"]

urlpatterns = [
    path("sample/tablet/", tablet_page),
    path("sample/sign/", sign_page),
    path("sample/waiting/", waiting_page),
    path("sample/state/", state),
    path("sample/desk/", desk_page),
    path("sample/urgent/", urgent, name="urgent"),
    *(path(f"sample/{name}/", nowhere, name=name) for name in NAMES),
]
