"""What happens for the first time is told in one line, so that whoever watches knows where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Said = Callable[[Mapping[str, Any], Mapping[str, str]], str]


def _reminder(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    return f"{data['agent_id'] or 'the pool'} is reminded at {data['share']:.0%} of {data['target']}"


def _missed(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    return f"{data['target']} is missed; see {env['SLA_URL']}/v1/cases/{data['case_id']}/targets"


def _raised(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    return f"level {data['level']}: {data['department']} is called, {data['why']}"


def _answered(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    return f"{data['department']} answers: {data['answer']}"


def _asked(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    return f"the customer is asked: {data['url']}"


def _improvement(data: Mapping[str, Any], env: Mapping[str, str]) -> str:
    where = f"{env['FEEDBACK_URL']}/v1/improvements/{data['improvement_id']}"
    return f"an improvement for {data['person'] or data['department']} because of {', '.join(data['why'])}; see {where}"


FIRSTS: Mapping[str, Said] = {
    "target.reminder": _reminder,
    "target.missed": _missed,
    "escalation.raised": _raised,
    "escalation.level_raised": _raised,
    "escalation.answered": _answered,
    "survey.requested": _asked,
    "improvement.opened": _improvement,
}


class News:
    """`take` is shown every event; `fresh` gives a line for each thing that had not happened before."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._known: set[tuple[str, object]] = set()
        self._fresh: list[str] = []

    def take(self, type_: str, data: Mapping[str, Any]) -> None:
        what = type_, data.get("level") if type_ == "escalation.level_raised" else data.get("answer")
        if type_ in FIRSTS and what not in self._known:
            self._known.add(what)
            self._fresh.append(f"{data['number']}: {FIRSTS[type_](data, self._env)}")

    def fresh(self) -> Iterator[str]:
        while self._fresh:
            yield self._fresh.pop(0)
