"""How a question stands on a page: legend, hint, error, controls. axe sees neither a lost legend nor a dead link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from crispy_forms.utils import render_crispy_form
from django import forms
from django.template.loader import render_to_string
from lxml import html  # type: ignore[import-untyped]

from clinic.web.form_tags import SEVERITY_WORDS
from tests.support import sample_pages
from tests.support.factories import sign_in
from tests.support.sample_pages import SEVERITIES, SampleForm

pytestmark = pytest.mark.urls("tests.support.sample_pages")

GROUPS = ["infection_now", "infection_kinds", "regions", "needle_fear", "surgery_date"]
BOXES = ["medicines", "other"]


def rendered(form: forms.Form) -> Any:
    """Return the form as elements, as a page would show it."""
    return html.fromstring(f"<form>{render_crispy_form(form)}</form>")


def field(page: Any, name: str) -> Any:
    return page.get_element_by_id(f"div_id_{name}")


@pytest.fixture
def empty() -> Any:
    return rendered(SampleForm())


@pytest.fixture
def refused() -> Any:
    return rendered(SampleForm({"other": "kept"}))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_of_controls_has_its_question_as_legend(empty: Any, name: str) -> None:
    (fieldset,) = field(empty, name).findall("fieldset")
    assert fieldset[0].tag == "legend"
    assert fieldset[0].text_content().strip() == SampleForm().fields[name].label
    assert fieldset.xpath(".//input")


@pytest.mark.parametrize("name", BOXES)
def test_a_box_has_its_question_as_label(empty: Any, name: str) -> None:
    (label,) = field(empty, name).xpath("./label")
    assert field(empty, name).xpath(f"./*[@id='{label.get('for')}' and @name='{name}']")


@pytest.mark.parametrize("name", [*GROUPS, *BOXES, "agree"])
def test_each_control_has_one_label_with_words(empty: Any, name: str) -> None:
    controls = field(empty, name).xpath(".//input | .//textarea")
    assert controls
    for control in controls:
        (label,) = empty.xpath(f".//label[@for='{control.get('id')}']")
        assert label.text_content().strip()


def kinds(block: Any) -> Iterator[str]:
    """Name what stands in a field, in the order a reader meets it."""
    for each in block.iter():
        classes = (each.get("class") or "").split()
        if "question" in classes:
            yield "question"
        elif "hint" in classes:
            yield "hint"
        elif "error" in classes:
            yield "error"
        elif each.tag in {"input", "textarea"}:
            yield "control"


@pytest.mark.parametrize("name", [*GROUPS, "medicines"])
def test_question_hint_error_controls_stand_in_this_order(refused: Any, name: str) -> None:
    hint = ["hint"] if SampleForm().fields[name].help_text else []
    found = list(kinds(field(refused, name)))
    assert found[: 3 + len(hint)] == ["question", *hint, "error", "control"]
    assert set(found[3 + len(hint) :]) <= {"control"}


def test_an_error_says_that_it_is_one_to_those_who_only_hear(refused: Any) -> None:
    for name in [*GROUPS, "medicines", "agree"]:
        (error,) = field(refused, name).xpath(".//div[@class='error']/p")
        assert error.text_content().startswith("Error: ")
        assert error[0].get("class") == "visually-hidden"


@pytest.mark.parametrize("name", [*GROUPS, "medicines", "agree"])
def test_hint_and_error_are_read_with_the_question(refused: Any, name: str) -> None:
    (described,) = field(refused, name).xpath(f".//*[contains(@aria-describedby, 'id_{name}_error')]")
    for target in described.get("aria-describedby").split():
        assert refused.get_element_by_id(target).text_content().strip()
    assert field(refused, name).xpath(".//*[@aria-invalid='true']")
    assert not field(refused, "other").xpath(".//*[@aria-invalid]")


def test_no_asterisk_and_no_required_attribute(empty: Any, refused: Any) -> None:
    for page in (empty, refused):
        assert "*" not in page.text_content()
        assert not page.xpath(".//*[@required]")


def test_what_may_stay_empty_says_so(empty: Any) -> None:
    optional = [name for name in SampleForm().fields if "(optional)" in field(empty, name).text_content()]
    assert optional == ["other"]


def test_controls_carry_their_names_and_their_answers(empty: Any) -> None:
    for name, values in {
        "infection_now": ["yes", "no", "unsure", "prefer_not"],
        "needle_fear": list(range(11)),
    }.items():
        controls = field(empty, name).xpath(f".//input[@type='radio' and @name='{name}']")
        assert [control.get("value") for control in controls] == [str(value) for value in values]
        assert not [control for control in controls if "checked" in control.attrib]


def test_what_was_typed_is_still_there() -> None:
    typed = {
        "infection_now": "unsure",
        "infection_kinds": ["fever", "chest"],
        "surgery_date_day": "31",
        "surgery_date_month": "2",
        "surgery_date_year": "2026",
        "medicines": "<b>aspirin",
    }
    page = rendered(SampleForm(typed))
    assert [each.get("value") for each in page.xpath(".//input[@checked]")] == ["unsure", "fever", "chest"]
    assert [each.get("value") for each in field(page, "surgery_date").xpath(".//input")] == ["31", "2", "2026"]
    assert field(page, "medicines").xpath("string(.//textarea)").strip() == "<b>aspirin"


def test_nothing_is_filled_in_from_the_last_patient(empty: Any) -> None:
    boxes = empty.xpath(".//textarea | .//input[@type='text']")
    assert boxes
    assert {box.get("autocomplete") for box in boxes} == {"off"}


def test_hint_of_a_single_tick_follows_its_label_and_is_read_with_it() -> None:
    class Tick(forms.Form):
        returning = forms.BooleanField(label="Has been here before", help_text="Elsewhere does not count.")

    block = field(rendered(Tick({})), "returning")
    assert list(kinds(block)) == ["error", "control", "hint"]
    (box,) = block.xpath(".//input")
    assert box.get("aria-describedby").split() == ["id_returning_helptext", "id_returning_error"]


def test_a_sign_in_form_keeps_its_own_autocomplete() -> None:
    class SignIn(forms.Form):
        name = forms.CharField(widget=forms.TextInput({"autocomplete": "username"}))

    assert rendered(SignIn()).xpath(".//input[@name='name']")[0].get("autocomplete") == "username"


def test_hint_is_text_and_not_markup() -> None:
    class Odd(forms.Form):
        name = forms.CharField(help_text="<script>1</script>")

    assert not rendered(Odd()).xpath(".//script")


def test_error_summary_links_land_on_the_first_control() -> None:
    form = SampleForm({})
    summary = html.fromstring(render_to_string("components/error_summary.html", {"form": form}))
    page = rendered(form)
    links = summary.xpath(".//a")
    assert [link.text_content() for link in links] == [form.errors[name][0] for name in form.errors]
    for link, name in zip(links, form.errors, strict=True):
        first = field(page, name).xpath(".//input | .//textarea")[0]
        assert link.get("href") == f"#{first.get('id')}"


def test_error_about_the_whole_form_is_in_the_summary_once() -> None:
    class Both(forms.Form):
        name = forms.CharField(required=False)

        def clean(self) -> None:
            raise forms.ValidationError("Type a name or a date.")

    form = Both({})
    assert "Type a name or a date." in render_to_string("components/error_summary.html", {"form": form})
    assert "Type a name" not in render_crispy_form(form)


def test_no_summary_without_errors() -> None:
    assert render_to_string("components/error_summary.html", {"form": SampleForm()}).strip() == ""
    assert render_to_string("components/error_summary.html", {}).strip() == ""


@pytest.mark.parametrize("severity", SEVERITIES)
def test_severity_is_a_word_and_an_icon(severity: str) -> None:
    badge = html.fromstring(render_to_string("components/severity.html", {"severity": severity}))
    assert badge.text_content().strip() == SEVERITY_WORDS[severity]
    assert badge.xpath(".//*[local-name()='svg' and @aria-hidden='true']/*[local-name()='path']")


# --- in a browser --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_refused_page_shows_the_summary_first_and_its_links_focus(
    live_server: Any, page: Any, offline_guard: list[str], axe: Callable[[Any], None]
) -> None:
    page.goto(f"{live_server.url}/sample/tablet/")
    assert page.locator("h1").count() == 1
    axe(page)
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.get_by_role("button", name="Continue").click()
    assert answer.value.status == 422
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.matches('main > .error-summary:first-child')")
    axe(page)
    for link in page.locator(".error-summary a").all():
        link.click()
        assert page.evaluate("'#' + document.activeElement.id") == link.get_attribute("href")
        assert page.evaluate("document.activeElement.matches('input, textarea')")


@pytest.mark.django_db(transaction=True)
def test_the_whole_row_is_the_target(live_server: Any, page: Any) -> None:
    page.goto(f"{live_server.url}/sample/tablet/")
    rows = page.locator(".choice").all()
    assert rows
    for row in rows:
        box = row.bounding_box()
        assert box["height"] >= 48
        assert box["width"] >= 48
    first = page.locator(".choice", has_text="I would rather not say")
    box = first.bounding_box()
    for x in (8, box["width"] / 2, box["width"] - 8):
        page.reload()
        first.click(position={"x": x, "y": box["height"] - 6})
        assert page.locator("input[value=prefer_not]").is_checked()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.django_db(transaction=True)
def test_none_of_these_rules_out_the_others(live_server: Any, page: Any) -> None:
    page.goto(f"{live_server.url}/sample/tablet/")
    page.get_by_label("Fever").check(force=True)
    page.get_by_label("Chest").check(force=True)
    page.get_by_label("None of these").check(force=True)
    assert page.locator("[name=infection_kinds]:checked").evaluate_all("all => all.map(one => one.value)") == ["none"]
    page.get_by_label("Fever").check(force=True)
    assert page.locator("[name=infection_kinds]:checked").evaluate_all("all => all.map(one => one.value)") == ["fever"]


@pytest.mark.django_db(transaction=True)
def test_two_taps_send_one_form_and_the_button_keeps_its_value(live_server: Any, page: Any) -> None:
    posts: list[Any] = []
    page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    page.goto(f"{live_server.url}/sample/sign/")
    page.get_by_role("button", name="I agree").dblclick()
    page.locator(".error-summary").wait_for()
    assert len(posts) == 1
    assert "act=agree" in posts[0].post_data


@pytest.mark.django_db(transaction=True)
def test_a_waiting_page_moves_on_when_the_server_says_so(
    live_server: Any, page: Any, offline_guard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page.clock.install()
    page.goto(f"{live_server.url}/sample/waiting/")
    page.evaluate("document.body.dataset.seen = 'yes'")
    with page.expect_response("**/sample/state/"):
        page.clock.run_for(3_100)
    page.wait_for_timeout(100)
    assert page.locator("body[data-seen=yes]").count() == 1, "loaded anew though nothing had changed"
    monkeypatch.setattr(sample_pages, "shows", ["birth-date"])
    page.clock.run_for(3_100)
    page.get_by_role("heading", name="birth-date").wait_for()


@pytest.mark.django_db(transaction=True)
def test_no_page_scrolls_sideways_on_a_narrow_screen(live_server: Any, page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    for name in ("tablet", "sign", "desk"):
        page.goto(f"{live_server.url}/sample/{name}/")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.fixture
def urgent_call() -> Iterator[list[str]]:
    sample_pages.called.append("Sam")
    yield sample_pages.called
    sample_pages.called.clear()


@pytest.mark.django_db(transaction=True)
def test_urgent_bar_comes_by_itself_and_leaves_the_focus_alone(
    live_server: Any,
    page: Any,
    client: Any,
    django_user_model: Any,
    offline_guard: list[str],
    urgent_call: list[str],
    axe: Callable[[Any], None],
) -> None:
    user = django_user_model.objects.create(username="robin", full_name="Robin Example", is_reception=True)
    sign_in(client, user)
    page.context.add_cookies([{"name": "staff", "value": client.cookies["staff"].value, "url": live_server.url}])
    page.clock.install()
    page.goto(f"{live_server.url}/sample/desk/")
    button = page.get_by_role("button", name="I am going")
    button.wait_for()
    axe(page)
    button.focus()
    button.evaluate("one => one.dataset.seen = 'yes'")
    with page.expect_response("**/sample/urgent/"):
        page.clock.run_for(5_100)
    page.wait_for_timeout(100)
    assert button.get_attribute("data-seen") == "yes", "the same call was put in anew"
    assert page.evaluate("document.activeElement.id") == "going-1"
    urgent_call.clear()
    page.clock.run_for(5_100)
    button.wait_for(state="detached")


@pytest.mark.django_db(transaction=True)
def test_staff_see_when_urgent_calls_cannot_reach_them(
    live_server: Any, page: Any, client: Any, django_user_model: Any
) -> None:
    user = django_user_model.objects.create(username="robin", full_name="Robin Example", is_reception=True)
    sign_in(client, user)
    page.context.add_cookies([{"name": "staff", "value": client.cookies["staff"].value, "url": live_server.url}])
    page.route("**/sample/urgent/", lambda route: route.abort())
    page.goto(f"{live_server.url}/sample/desk/")
    page.get_by_text("No answer from the server").wait_for()
