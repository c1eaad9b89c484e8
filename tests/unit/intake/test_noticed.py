"""A burst is told with its cases as they come, and its cases are linked with the incident (IN-14)."""

from datetime import UTC, datetime

from services.intake.domain.burst import Burst
from services.intake.domain.follow_incident import PAGE, declared, kept, linked, pages_of, part_of
from services.intake.domain.noticed import MOST_CASES, NoticedBurst, notice, phrases
from shared.decisions import Decision
from shared.events.incidents import IncidentDeclared
from tests.unit.intake.given import NOW, opened, types

CATEGORY = ("技术故障", "系统故障")
BURST = Burst(id="b1", words=("系统", "统崩", "崩溃"), began=datetime(2026, 11, 22, 8, 0, tzinfo=UTC))


def tell(state: NoticedBurst | None, *cases: str) -> Decision[NoticedBurst]:
    return notice(state, NOW, burst=BURST, category=CATEGORY, cases=cases)


def test_IN_14_the_first_word_of_a_burst_names_its_cases_and_words() -> None:
    (event,) = tell(None, "k1", "k2").events
    assert event.model_dump() == {
        "burst_id": "b1", "category": CATEGORY, "words": ("系统崩溃",), "cases": ("k1", "k2"),
    }  # fmt: skip


def test_IN_14_later_ones_name_only_the_cases_that_are_new() -> None:
    first = tell(None, "k1", "k2").state
    later = tell(first, "k3", "k2", "k1")
    assert later.events[0].cases == ("k3",)
    assert later.state.cases == ("k1", "k2", "k3")
    again = tell(later.state, "k3")
    assert (again.state, again.events) == (later.state, ())


def test_IN_14_a_burst_holds_a_bounded_number_of_cases() -> None:
    full = tell(None, *(f"k{n}" for n in range(MOST_CASES + 50))).state
    assert len(full.cases) == MOST_CASES
    assert tell(full, "one more").events == ()


def test_words_of_other_languages_are_left_apart() -> None:
    assert phrases(("cannot", "pay", "收款", "款机", "上海")) == ("cannot", "pay", "收款机", "上海")


INCIDENT = IncidentDeclared(incident_id="i1", title="上海系统中断", cases=("k1", "k2"))


def test_IN_14_every_case_of_a_declared_incident_is_to_be_linked_once() -> None:
    (page,) = pages_of(INCIDENT, "e1")
    state = kept(None, NOW, page=page).state
    assert (state.incident_id, state.to_link) == ("i1", ("k1", "k2"))
    half = linked(state, NOW, cases=("k1",)).state
    assert half.to_link == ("k2",)
    assert kept(half, NOW, page=page).state is half, "a repeat brings back nothing"


def test_IN_14_the_cases_of_one_event_lie_in_pages_under_keys_of_their_own() -> None:
    cases = tuple(f"k{n}" for n in range(PAGE + 1))
    event = INCIDENT.model_copy(update={"cases": cases})
    first, second = pages_of(event, "e1")
    assert (*first.to_link, *second.to_link) == cases
    keys = {page.key for id_ in ("e1", "e2") for page in pages_of(event, id_)}
    assert len(keys) == 4
    assert declared(None, NOW, event=event).state.to_link == (), "the incident itself stays small"


def test_IN_14_a_linked_case_says_which_incident_it_belongs_to() -> None:
    decision = part_of(opened(), NOW, incident_id="i1", title="上海系统中断")
    (event,) = decision.events
    assert (event.TYPE, event.to, event.kind, event.by) == ("case.linked", "i1", "incident", "sla")
    assert "incident" in decision.state.flags
    assert decision.note is not None
    assert decision.note.data == {"incident": "i1"}


def test_IN_14_a_case_is_linked_once_however_often_it_is_tried() -> None:
    case = part_of(opened(), NOW, incident_id="i1", title="").state
    again = part_of(case, NOW, incident_id="i1", title="")
    assert (again.state, types(again)) == (case, [])
