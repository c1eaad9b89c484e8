"""A published contract only grows: whatever breaks one of its readers is named."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, create_model

from shared.events.base import Body, EventData, PersonalText
from shared.events.compatibility import breaks
from shared.events.schemas import schema


class Reach(Body):
    phone: PersonalText | None = None


class Bare(EventData):
    TOPIC: ClassVar[str] = "cases.v1"
    TYPE: ClassVar[str] = "case.sample"


class Published(Bare):
    case_id: str
    priority: Literal["P0", "P1"]
    note: Annotated[str, Field(max_length=100)] = ""
    reach: Reach = Reach()
    tags: tuple[str, ...] = ()
    anything: Any = None


def today(**changed: Any) -> type[EventData]:
    """Published with some fields declared anew, as (type, default or ...); None takes a field away."""
    kept = {name: (field.annotation, field) for name, field in Published.model_fields.items()}
    declared = {name: field for name, field in {**kept, **changed}.items() if field is not None}
    model: type[EventData] = create_model("Today", __base__=Bare, **declared)
    return model


def compared(**changed: Any) -> list[str]:
    return breaks(schema("case.sample", Published), schema("case.sample", today(**changed)))


def test_the_same_contract_breaks_nobody() -> None:
    assert compared() == []


def test_a_contract_may_grow_by_an_optional_field() -> None:
    assert compared(language=(str | None, None), count=(int, 0)) == []


def test_a_nested_part_may_grow() -> None:
    class Wider(Reach):
        email: PersonalText | None = None

    assert compared(reach=(Wider, Wider())) == []


def test_a_field_may_be_marked_as_personal_later() -> None:
    assert compared(note=(Annotated[PersonalText, Field(max_length=100)], "")) == []


class Unmarked(Body):
    phone: str | None = None


class Emptied(Body):
    pass


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"case_id": None}, "case_id was removed or renamed; a published field stays"),
        ({"anything": None}, "anything was removed or renamed; a published field stays"),
        ({"reach": (Emptied, Emptied())}, "reach.phone was removed or renamed; a published field stays"),
        ({"case_id": (int, ...)}, "case_id was string and is now integer; add a field beside it instead"),
        (
            {"note": (str | None, None)},
            "note was string and is now null or string; add a field beside it instead",
        ),
        ({"tags": (tuple[int, ...], ())}, "tags[] was string and is now integer; add a field beside it instead"),
        ({"tags": (tuple[str, ...], ...)}, "tags has become required; records from before may lack it"),
        ({"case_id": (str, "")}, "case_id is no longer required; its readers count on it"),
        ({"owner": (str, ...)}, "owner is new and required; records from before do not have it: give it a default"),
        ({"reach": (Unmarked, Unmarked())}, "reach.phone is no longer marked as personal"),
        ({"priority": (Literal["P0"], ...)}, "priority no longer takes P1; records from before hold it"),
        (
            {"priority": (Literal["P0", "P1", "P2"], ...)},
            "priority now takes P2, which readers of the published contract refuse",
        ),
        (
            {"note": (Annotated[str, Field(max_length=50)], "")},
            "a limit is tighter than published: records written before would be refused now",
        ),
        ({"note": (str, "")}, "a limit is looser than published: its readers would refuse records written now"),
    ],
)
def test_what_breaks_a_reader_is_named(changed: dict[str, Any], line: str) -> None:
    assert compared(**changed) == [line]


def test_a_type_may_not_move_to_another_topic() -> None:
    moved = schema("case.sample", Published) | {"x-topic": "cases.v2"}

    assert breaks(schema("case.sample", Published), moved) == [
        "moved from topic cases.v1 to cases.v2; its readers stay there"
    ]


def test_a_new_part_is_named_once_and_not_with_each_required_field_in_it() -> None:
    class Promise(Body):
        what: str

    assert compared(promise=(Promise, ...)) == [
        "promise is new and required; records from before do not have it: give it a default"
    ]
    assert compared(promise=(Promise | None, None)) == []


def test_a_model_that_holds_itself_is_compared_once() -> None:
    assert breaks(schema("case.tree", Tree), schema("case.tree", Tree)) == []


class Node(Body):
    name: str
    children: tuple["Node", ...] = ()


class Tree(EventData):
    TOPIC: ClassVar[str] = "cases.v1"
    TYPE: ClassVar[str] = "case.tree"
    root: Node
