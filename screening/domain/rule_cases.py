"""Worked cases: a file of situations, each with the expected result of the rules. Pure: no Django.

The format is public: TOML, ``today`` at the top, then one ``[[case]]`` for each situation.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from clinic.domain.body_regions import REGIONS
from clinic.domain.policy import RULE_SETTINGS, SETTINGS, Policy
from screening.domain import questionnaire
from screening.domain.questionnaire import QUESTIONS, Value
from screening.domain.rules import Raised, RuleInput, RuleResult, Severity, run
from screening.domain.scope import Scope

MISSING = "missing"
CLEAR = "clear"


class BadCase(ValueError):
    """A file or a case that cannot be judged. The message names the case, the culprit and what is allowed."""


@dataclass(frozen=True)
class Case:
    """One situation and its expected result. What a case does not state is not compared."""

    name: str
    born: datetime.date
    today: datetime.date
    answers: Mapping[str, Value]
    scope: Scope
    returning: bool
    policy: Policy
    outcome: str | None
    flags: Mapping[str, Severity] | None


@dataclass(frozen=True)
class CaseVerdict:
    """The result of the rules for one case, and how it differs from the expected one, in words."""

    name: str
    result: RuleResult
    differences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return {
            "name": self.name,
            "outcome": self.result.outcome,
            "flags": [_flag(flag) for flag in self.result.flags],
            "differences": list(self.differences),
        }


def _flag(flag: Raised) -> dict[str, Any]:
    return {
        "question": flag.question,
        "severity": flag.severity.value,
        "reason": flag.reason,
        "regions": list(flag.regions),
        "source": asdict(flag.source),
    }


def read(text: str) -> list[Case]:
    """Return the cases of a file's text. Raise ``BadCase`` for anything the format does not know."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadCase(f"This is not TOML: {problem}") from problem
    _check_names("the file", whole, ("today", "case"))
    today = _day("the file", "today", whole.get("today"))
    cases = whole.get("case")
    if not isinstance(cases, list) or not cases:
        raise BadCase("The file has no case; allowed: one [[case]] or more")
    return [_case(number, table, today) for number, table in enumerate(cases, start=1)]


def judge(case: Case) -> CaseVerdict:
    """Run the rules over one case and compare."""
    result = run(RuleInput(case.answers, case.born, case.today, case.scope, case.returning, case.policy))
    return CaseVerdict(case.name, result, tuple(_differences(case, result)))


def _differences(case: Case, result: RuleResult) -> Iterable[str]:
    if case.outcome not in (None, result.outcome):
        yield f"outcome: expected {case.outcome}, got {result.outcome}"
    if case.flags is None:
        return
    worst: dict[str, Severity] = {}
    for flag in result.flags:  # worst first
        worst.setdefault(flag.question, flag.severity)
    for name, expected in case.flags.items():
        got = worst.pop(name, None)
        if got is not expected:
            yield f"{name}: expected {expected}, got {got or 'no flag'}"
    for name, severity in worst.items():
        if severity is not Severity.NOTE:
            yield f"{name}: expected no flag, got {severity}"


def _case(number: int, table: object, today: datetime.date) -> Case:
    where = f"case {number}"
    if not isinstance(table, dict):
        raise BadCase(f"{where}: {table!r} is not allowed; allowed: a table, written [[case]]")
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadCase(f"{where}: name: {name!r} is not allowed; allowed: a text that names the case")
    where = f"case {number}, “{name}”"
    _check_names(where, table, ("name", "born", "returning", "answers", "plan", "policy", "expect"))
    answers = _answers(where, _table(where, table, "answers"), today)
    scope = _scope(where, _table(where, table, "plan"))
    policy = _policy(where, _table(where, table, "policy"))
    returning = _boolean(where, "returning", table.get("returning", False))
    outcome, flags = _expectation(where, table)
    born = _day(where, "born", table.get("born"))
    if born > today:
        raise BadCase(f"{where}: born: {born} is not allowed; allowed: a date up to {today}")
    return Case(" ".join(name.split()), born, today, answers, scope, returning, policy, outcome, flags)


def _answers(where: str, table: Mapping[str, object], today: datetime.date) -> dict[str, Value]:
    answers = questionnaire.all_clear()
    for name, value in table.items():
        if name not in QUESTIONS:
            raise BadCase(f"{where}: answers: {name}: no such question; allowed: {', '.join(QUESTIONS)}")
        if value == MISSING:
            answers.pop(name, None)
            continue
        question = QUESTIONS[name]
        try:
            answers[name] = questionnaire.check_value(question, value)
        except ValueError as problem:
            raise BadCase(f"{where}: answers: {problem}, or “{MISSING}”") from problem
        answer = answers[name]
        if question.latest and isinstance(answer, datetime.date) and answer > today:
            raise BadCase(f"{where}: answers: {name}: {answer} is not allowed; allowed: a date up to {today}")
    return answers


def _scope(where: str, table: Mapping[str, object]) -> Scope:
    _check_names(f"{where}: plan", table, ("regions", "electro"))
    regions = table.get("regions", [])
    if not isinstance(regions, list):
        raise BadCase(f"{where}: plan: regions: {regions!r} is not allowed; allowed: a list of regions")
    for region in regions:
        if region not in REGIONS:
            raise BadCase(f"{where}: plan: {region!r}: no such region; allowed: {', '.join(REGIONS)}")
    return Scope.of(regions, electro=_boolean(f"{where}: plan", "electro", table.get("electro", False)))


def _policy(where: str, table: Mapping[str, object]) -> Policy:
    _check_names(f"{where}: policy", table, RULE_SETTINGS)
    policy = Policy()
    for name, value in table.items():
        try:
            policy = replace(policy, **{name: SETTINGS[name].clean(name, value)})  # type: ignore[arg-type]
        except ValueError as problem:
            raise BadCase(f"{where}: policy: {problem}") from problem
    return policy


def _expectation(where: str, table: Mapping[str, Any]) -> tuple[str | None, dict[str, Severity] | None]:
    if not table.get("expect"):
        raise BadCase(f"{where}: expect: nothing is expected; allowed: outcome, flags")
    expect = _table(where, table, "expect")
    where = f"{where}: expect"
    _check_names(where, expect, ("outcome", "flags"))
    outcomes = (*(severity.value for severity in Severity if severity is not Severity.NOTE), CLEAR)
    outcome = expect.get("outcome")
    if outcome is not None and outcome not in outcomes:
        raise BadCase(f"{where}: outcome: {outcome!r} is not allowed; allowed: {', '.join(outcomes)}")
    if "flags" not in expect:
        return str(outcome), None
    flags: dict[str, Severity] = {}
    for name, severity in _table(where, expect, "flags").items():
        if name not in QUESTIONS and name != "age":
            raise BadCase(f"{where}: flags: {name}: no such question; allowed: age, {', '.join(QUESTIONS)}")
        if severity not in list(Severity):
            raise BadCase(f"{where}: flags: {name}: {severity!r} is not allowed; allowed: {', '.join(Severity)}")
        flags[name] = Severity(severity)
    return outcome if outcome is None else str(outcome), flags


def _check_names(where: str, table: Mapping[str, object], names: Iterable[str]) -> None:
    allowed = tuple(names)
    for name in table:
        if name not in allowed:
            raise BadCase(f"{where}: {name}: no such name; allowed: {', '.join(allowed)}")


def _table(where: str, table: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner = table.get(name, {})
    if not isinstance(inner, dict):
        raise BadCase(f"{where}: {name}: {inner!r} is not allowed; allowed: a table, written {name} = {{ … }}")
    return inner


def _boolean(where: str, name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadCase(f"{where}: {name}: {value!r} is not allowed; allowed: true or false")
    return value


def _day(where: str, name: str, value: object) -> datetime.date:
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise BadCase(f"{where}: {name}: {value!r} is not allowed; allowed: a date such as 2026-11-23, without quotes")
    return value
