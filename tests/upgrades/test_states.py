"""What may change in a stored state within one release, and what is told of the rest (decision 36)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from shared.unknown import coming
from tests.upgrades.before import code_before
from tests.upgrades.shapes import drawn, shapes
from tests.upgrades.states import drawn_before, problems

Mood = Literal["glad", "angry"]
More = Literal["glad", "angry", "puzzled"]


class Part(BaseModel):
    name: str


class State(BaseModel):
    id: str
    total: int = 0
    mood: Mood = "glad"
    parts: tuple[Part, ...] = ()
    old: Annotated[str, Field(deprecated=True)] = ""


def after(**changed: object) -> list[str]:
    """What is said when the state's fields become these; None: the field is gone."""
    fields = {name: (info.annotation, info) for name, info in State.model_fields.items()}
    kept = {name: field for name, field in {**fields, **changed}.items() if field is not None}
    today = create_model("State", **kept).model_json_schema()  # type: ignore[call-overload]
    return problems({"s.states": State.model_json_schema()}, {"s.states": today})


def test_a_state_may_get_fields_with_defaults_and_lose_what_nobody_read_for_a_release() -> None:
    assert after() == after(newer=(tuple[Part, ...], ()), other=(str | None, None), old=None) == []


def test_a_value_may_be_read_a_release_before_it_is_written() -> None:
    assert after(mood=(Annotated[More, coming("puzzled")], "glad")) == []


def test_what_is_needed_no_longer_may_get_a_default() -> None:
    assert after(id=(str, "")) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"total": None}, "total is gone, and the version before reads it"),
        ({"total": (str, "0")}, "total was integer and is string"),
        ({"total": (int | None, None)}, "total was integer and is integer or null"),
        ({"total": (int, ...)}, "total has become required"),
        ({"newer": (int, ...)}, "newer is new and required"),
        ({"mood": (More, "glad")}, "mood takes puzzled, which the version before can't read"),
        ({"mood": (Literal["glad"], "glad")}, "mood no longer reads angry"),
    ],
)
def test_what_one_of_two_versions_can_not_read_is_named(changed: dict[str, object], told: str) -> None:
    (line,) = after(**changed)
    assert line.startswith(f"s.states: {told}")


def test_what_the_version_before_can_not_do_without_does_not_go() -> None:
    class Needed(BaseModel):
        old: Annotated[str, Field(deprecated=True)]

    class Empty(BaseModel): ...

    (line,) = problems({"s.states": Needed.model_json_schema()}, {"s.states": Empty.model_json_schema()})
    assert line.startswith("s.states: old is gone")


def test_what_is_wrong_deep_inside_is_named_by_its_place() -> None:
    class Other(BaseModel):
        label: str

    told = after(parts=(tuple[Other, ...], ()))
    assert [line.split(" ")[1] for line in told] == ["parts[].name", "parts[].label"]


def test_a_store_that_the_version_before_keeps_does_not_vanish() -> None:
    (line,) = problems({"s.states": State.model_json_schema()}, {})
    assert line.startswith("s.states: the version before still keeps this store")


def test_todays_states_and_those_of_the_version_before_are_read_by_both(tmp_path: Path) -> None:
    before = drawn_before(code_before(tmp_path))
    assert len(before) >= 8
    assert problems(before, drawn()) == []


@pytest.mark.parametrize(("name", "shape"), shapes().items(), ids=shapes())
def test_every_older_shape_can_be_lifted_to_todays(name: str, shape: object) -> None:
    lift = getattr(shape, "lift", None) or {}
    assert sorted(lift) == list(range(1, shape.schema))  # type: ignore[attr-defined]
