"""What the form templates need and Django does not give: link targets, controls with their classes, parts of a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.forms.utils import flatatt
from django.utils.html import format_html

from clinic.web import stale_forms

register = template.Library()

DATE_PARTS = ("Day", "Month", "Year")
ROWS = 4
SEVERITY_WORDS = {
    "urgent": "Urgent",
    "stop": "Stop",
    "defer": "Not today",
    "review": "Review",
    "caution": "Caution",
    "note": "Note",
    "clear": "Nothing flagged",
}


@dataclass(frozen=True)
class DatePart:
    """One box of a control made of several: its label, the id that the label is for, and its HTML."""

    id: str
    label: str
    control: str


@register.simple_tag(takes_context=True)
def form_key(context: dict[str, Any]) -> str:
    """Return the hidden input that ties a form on a tablet to the hold it is made under (see ``stale_forms``)."""
    request = context["request"]
    hold = getattr(request, "hold", None) or request.tablet.hold
    return format_html('<input type="hidden" name="{}" value="{}">', stale_forms.FIELD, stale_forms.form_key(hold))


@register.filter
def control_id(field: BoundField) -> str:
    """Return the id of the first thing in ``field`` that takes the focus: where an error link must land."""
    if field.id_for_label:
        return field.id_for_label
    if isinstance(field.field.widget, forms.MultiWidget):
        return f"{field.auto_id}_0"
    return str(field.subwidgets[0].id_for_label) if field.subwidgets else f"div_{field.auto_id}"


@register.filter
def severity_word(severity: str) -> str:
    """Return a severity in the staff's words. Raise ``KeyError`` for one that is not known."""
    return SEVERITY_WORDS[severity]


@register.filter
def is_optional(field: BoundField) -> bool:
    """Whether the label says "(optional)": the field was given ``optional = True``."""
    return bool(getattr(field.field, "optional", False))


@register.filter
def exclusive(field: BoundField) -> str:
    """Return the value of the choice that rules out the others ("None of these"), or ""."""
    return str(field.field.widget.attrs.get("data-exclusive", ""))


@register.filter
def scale_ends(field: BoundField) -> list[str]:
    """Return what the two ends of a scale mean, from ``data-scale="Not afraid|Very afraid"``; [] if there are none."""
    ends = str(field.field.widget.attrs.get("data-scale", "")).split("|")
    return [end.strip() for end in ends] if len(ends) == 2 else []


@register.simple_tag
def choice(option: Mapping[str, Any], heading: str = "") -> str:
    """Return one choice as HTML: its box, described by the heading with this id if there is one, and its label.

    Not in the template, where a list of fifty took as long as the rest of its page.
    """
    attrs = {**option["attrs"], **({"aria-describedby": heading} if heading else {})}
    return format_html(
        '<input type="{}" class="choice-input" name="{}" value="{}"{}><label for="{}" class="choice-label">{}</label>',
        option["type"],
        option["name"],
        option["value"],
        flatatt(attrs),
        attrs.get("id", ""),
        option["label"],
    )


@register.filter
def is_scale(field: BoundField) -> bool:
    """Whether the choices are the numbers of a scale, shown in one wrapped row."""
    return "data-scale" in field.field.widget.attrs


def _attrs(widget: forms.Widget, *, wrong: bool) -> dict[str, str | bool]:
    """Classes and attributes of one box. Nothing on a shared tablet is filled in from the last patient."""
    kind = "form-select" if isinstance(widget, forms.Select) else "form-control"
    classes = f"{widget.attrs.get('class', '')} {kind}{' is-invalid' if wrong else ''}".strip()
    attrs: dict[str, str | bool] = {"class": classes}
    if "autocomplete" not in widget.attrs:
        attrs["autocomplete"] = "off"
    if isinstance(widget, forms.Textarea) and widget.attrs.get("rows") == "10":
        attrs["rows"] = str(ROWS)
    return attrs


@register.simple_tag
def control(field: BoundField) -> str:
    """Return the HTML of a text box, text area, drop-down or other single box."""
    return field.as_widget(attrs=_attrs(field.field.widget, wrong=bool(field.errors)))


@register.simple_tag
def tick_box(field: BoundField) -> str:
    """Return the HTML of a single checkbox."""
    return field.as_widget(attrs={"class": f"{field.field.widget.attrs.get('class', '')} choice-input".strip()})


@register.filter
def parts(field: BoundField) -> list[DatePart]:
    """Return the boxes of a control made of several, such as a date in day, month and year.

    A box is called by its ``data-label``; three boxes without one are day, month and year.
    """
    widget = field.field.widget
    if not isinstance(widget, forms.MultiWidget):
        return []
    value = field.value()
    values = value if isinstance(value, list) else widget.decompress(value)
    suffixes: list[str] = widget.widgets_names  # type: ignore[attr-defined]  # the stubs lack it
    boxes = []
    for number, (box, suffix) in enumerate(zip(widget.widgets, suffixes, strict=True)):
        label = box.attrs.get("data-label") or DATE_PARTS[number]
        box_id = f"{field.auto_id}_{number}"
        attrs = {**_attrs(box, wrong=bool(field.errors)), "id": box_id}
        if field.errors:
            attrs["aria-invalid"] = "true"
        part = values[number] if values else None
        html = box.render(field.html_name + suffix, part, attrs=attrs, renderer=field.form.renderer)
        boxes.append(DatePart(id=box_id, label=label, control=html))
    return boxes
