"""Find, add, correct and merge patients."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from clinic.domain.flow import NotAllowed
from clinic.models import Journal, Patient, Role
from clinic.pages.desk.forms import MergeForm, PatientForm, SearchForm, VisitForm
from clinic.records import patients
from clinic.records.record_access import looks
from clinic.web import search_session
from clinic.web.access import StaffRequest, staff

DESK = (Role.RECEPTION, Role.PRACTITIONER)
MOST_FOUND = 20  # what fits one screen; to find somebody among more, type more
LOOKS = 5  # the latest; the others are a step away
SEARCH = "search"
TYPED = ("name", "born_day", "born_month", "born_year")


@staff(*DESK)
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters(*TYPED)
def search(request: StaffRequest) -> HttpResponse:
    """Find a patient by date of birth, or by three or more first letters of a name.

    What is sent is kept in the session and shown under ``?found``, so that no name stands in an address.
    """
    if request.method == "POST":
        form = SearchForm(request.POST)
        if form.is_valid():
            search_session.keep(request, SEARCH, {name: request.POST.get(name, "") for name in TYPED})
            return redirect(f"{reverse('patients')}?found")
    else:
        form = SearchForm(search_session.kept(request, SEARCH) or None if "found" in request.GET else None)
    matches: list[Patient] = []
    if form.is_bound and form.is_valid():
        matches = form.matching(MOST_FOUND + 1, site=request.actor.site)
        Journal.objects.record("patients searched", by=request.actor, count=len(matches))
    shown = sorted(matches[:MOST_FOUND], key=lambda person: person.name)
    context = {"form": form, "found": shown, "more": len(matches) > MOST_FOUND}
    return render(request, "clinic/desk/patients.html", context, status=422 if form.errors else 200)


@staff(*DESK)
def add(request: StaffRequest) -> HttpResponse:
    """Add a patient. The same name and birth date as a known patient asks "the same person?" first."""
    form = PatientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        same = Patient.objects.of(request.actor.site).same_person(form.cleaned_data["name"], form.cleaned_data["born"])
        if same and "another" not in request.POST:
            return render(request, "clinic/desk/same_person.html", {"form": form, "same": same})
        patient = patients.add_patient(**form.cleaned_data, by=request.actor)
        messages.success(request, f"{patient} was added.")
        return redirect("patient", patient.pk)
    return render(request, "clinic/desk/patient_form.html", {"form": form}, status=422 if form.errors else 200)


@staff(*DESK)
@require_GET
def patient(request: StaffRequest, pk: int) -> HttpResponse:
    """One patient: details, visits, what was corrected, and a place on today's board."""
    person = get_object_or_404(Patient.objects.visible_to(request.actor), pk=pk)
    if person.merged_into_id:
        messages.info(request, "This record was merged into the one you see now.")
        return redirect("patient", person.merged_into_id)
    visits = person.visits.select_related("practitioner").order_by("-day", "-id")
    context = {
        "patient": person,
        "age": person.age_on(timezone.localdate()),
        "visits": visits,
        "corrections": person.corrections.select_related("by").order_by("-at"),
        "merges": person.merges.select_related("by", "gone"),
        "form": VisitForm(initial={"day": timezone.localdate()}, site=request.actor.site),
        "merge_form": MergeForm(kept=person),
    }
    Journal.objects.record("patient opened", by=request.actor, patient=person)
    if Role.PRACTITIONER in request.user.roles:
        context["looks"] = looks(person)[:LOOKS]
    return render(request, "clinic/desk/patient.html", context)


@staff(*DESK)
def correct(request: StaffRequest, pk: int) -> HttpResponse:
    """Correct a patient's details; the old ones stay on record. Only in one's own clinic, like every change."""
    person = get_object_or_404(Patient.objects.of(request.actor.site).current(), pk=pk)
    current = {field: getattr(person, field) for field in patients.CORRECTABLE}
    form = PatientForm(request.POST or None, initial=current)
    if request.method == "POST" and form.is_valid():
        try:
            changed = patients.correct_patient(patient=person, by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, "Corrected. What it was before stays on record." if changed else "Nothing was changed."
            )
        return redirect("patient", person.pk)
    Journal.objects.record("patient opened", by=request.actor, patient=person)
    context = {"form": form, "patient": person}
    return render(request, "clinic/desk/patient_form.html", context, status=422 if form.errors else 200)


@staff(*DESK)
def merge(request: StaffRequest, pk: int) -> HttpResponse:
    """Make two records of one person one: choose the other, look at both, confirm."""
    person = get_object_or_404(Patient.objects.of(request.actor.site).current(), pk=pk)
    form = MergeForm(request.POST or request.GET or None, kept=person)
    if form.is_bound and form.is_valid():
        gone = form.cleaned_data["gone"]
        if "merge" not in request.POST:
            Journal.objects.record("patient opened", by=request.actor, patient=gone)
            return render(request, "clinic/desk/merge.html", {"form": form, "kept": person, "gone": gone})
        try:
            patients.merge_patients(kept=person, gone=gone, by=request.actor)
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "The two records are one now. Both stay on record.")
        return redirect("patient", person.pk)
    Journal.objects.record("patient opened", by=request.actor, patient=person)
    context = {"form": form, "kept": person}
    return render(request, "clinic/desk/merge.html", context, status=422 if form.errors else 200)
