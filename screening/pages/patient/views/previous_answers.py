"""A returning patient looks at last time's answers: what still holds is confirmed, the rest is asked."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clinic.domain.flow import NotAllowed, Stage
from clinic.web import stale_forms
from clinic.web.access import PatientRequest, patient
from screening import actions
from screening.answering.previous_visit import to_look_back_on
from screening.domain.answer_changes import PreviousAnswer, offered, previous_answers, readable
from screening.pages.patient.views.questions import LOOK


class ChangedForm(forms.Form):
    """Which of the answers shown no longer hold, and of which screening they are."""

    shown = forms.IntegerField()
    changed = forms.MultipleChoiceField(required=False)

    def __init__(self, data: object, names: list[str]) -> None:
        """``names``: the questions on the page."""
        super().__init__(data)  # type: ignore[arg-type]
        field = self.fields["changed"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in names]


@stale_forms.keeps_typed
@patient(Stage.ANSWERING, finishes=False)
@require_http_methods(["GET", "POST"])
def last_time(request: PatientRequest) -> HttpResponse:
    """Show last time's answers that last, on one page; write what the patient confirms."""
    visit = request.hold.visit
    before = to_look_back_on(visit)
    if before is None:
        return redirect("resume")
    answers = readable(before.answers)
    rows: list[PreviousAnswer] = previous_answers(answers)
    form = ChangedForm(request.POST or None, [row.name for row in rows])
    if stale_forms.expired(request):
        form.add_error(None, stale_forms.ONCE_MORE)
    elif request.method == "POST" and request.POST.get("act") != LOOK:
        if form.is_valid():
            everything = "all" in request.POST
            changed = offered(answers) if everything else form.cleaned_data["changed"]
            try:
                actions.confirm_last_time(
                    visit=visit, shown=form.cleaned_data["shown"], changed=changed, by=request.actor
                )
            except NotAllowed:
                return redirect("last_time")
            return redirect("resume")
        return redirect("last_time")  # not from our page, or from one that is out of date: look again
    context = {
        "form": form,
        "rows": rows,
        "ticked": request.POST.getlist("changed"),
        "shown": before.pk,
        "day": timezone.localdate(before.submitted_at),
    }
    return render(
        request, "screening/patient/last_time.html", context, status=422 if stale_forms.expired(request) else 200
    )
