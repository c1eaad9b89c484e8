"""Remote sessions 远程 (IN-23)."""

from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.remote import MOST_SESSIONS
from tests.unit.intake.given import did, opened, refusal

CHANNEL = {"channel": "ToDesk"}
RECORDING = {"recording": "https://files.example/r/77"}
WHOLE = CHANNEL | RECORDING
SOLVED = {"result": "已远程修复"}


def noted(case: Case | None = None, **remote: str) -> Case:
    return did(case or opened(), "noted", text="远程处理中", remote=remote).state


@pytest.mark.parametrize("verb", ["resolved", "closed"])
@pytest.mark.parametrize(("told", "field"), [(RECORDING, "remote.channel"), (CHANNEL, "remote.recording")])
def test_IN_23_a_remote_session_is_not_resolved_without_channel_and_recording(
    verb: str, told: dict[str, str], field: str
) -> None:
    for attempt in (
        lambda: did(opened(), verb, remote=told, **SOLVED),
        lambda: did(noted(**told), verb, **SOLVED),
    ):
        refused = refusal(attempt)
        assert (refused.code, refused.field, refused.status) == ("missing_field", field, 422)


@pytest.mark.parametrize("verb", ["resolved", "closed"])
def test_IN_23_with_both_it_is_and_the_event_names_them(verb: str) -> None:
    decision = did(noted(**CHANNEL), verb, remote=RECORDING, **SOLVED)
    assert [session.model_dump() for session in decision.events[0].remote] == [WHOLE]
    assert decision.state.remote == decision.events[0].remote


@pytest.mark.parametrize(
    ("remote", "code", "field"),
    [
        ({"channel": "telnet"}, "unknown_channel", "remote.channel"),
        ({"recording": "http://files.example/r/77"}, "invalid_link", "remote.recording"),
        ({"recording": "https:///nowhere"}, "invalid_link", "remote.recording"),
        ({"recording": "https://[::1"}, "invalid_link", "remote.recording"),
        ({"recording": "https://files.example/" + "x" * 1000}, "invalid_link", "remote.recording"),
    ],
)
def test_IN_23_what_is_no_secure_channel_and_no_link_is_refused_at_once(
    remote: dict[str, Any], code: str, field: str
) -> None:
    refused = refusal(lambda: noted(**remote))
    assert (refused.code, refused.field, refused.status) == (code, field, 422)


def test_IN_23_a_second_session_needs_its_own_recording() -> None:
    case = noted(noted(**WHOLE), channel="anydesk")
    assert len(case.remote) == 2
    assert refusal(lambda: did(case, "resolved", **SOLVED)).field == "remote.recording"
    assert did(case, "resolved", remote={"recording": "https://files.example/r/78"}, **SOLVED).events


def test_IN_23_a_session_after_the_solution_is_told_in_full_before_the_case_is_closed() -> None:
    case = noted(did(opened(), "resolved", **SOLVED).state, **CHANNEL)
    assert refusal(lambda: did(case, "closed")).field == "remote.recording"
    assert did(case, "closed", remote=RECORDING).state.status == "closed"


def test_IN_23_the_same_session_told_twice_is_one() -> None:
    assert len(noted(noted(**WHOLE), **WHOLE).remote) == 1


def test_a_case_has_a_bounded_number_of_remote_sessions() -> None:
    case = opened()
    for number in range(MOST_SESSIONS):
        case = noted(case, channel="todesk", recording=f"https://files.example/{number}")
    assert (
        refusal(lambda: noted(case, channel="todesk", recording="https://files.example/x")).code == "too_many_sessions"
    )


def test_IN_23_a_case_without_a_remote_session_needs_neither() -> None:
    assert did(opened(), "resolved", **SOLVED).state.remote == ()
