"""NT-6: the delivery log tells what became of each message, and its words."""

from services.notify.domain import deliver, log, tell
from services.notify.domain.casefile import Casefile
from shared.decisions import Decision
from tests.unit.notify.build import (
    CASE,
    NOW,
    RULES,
    after,
    assigned_event,
    opened_event,
    with_providers,
)


def line(decision: Decision[Casefile]) -> dict:
    """As the store keeps it."""
    note = decision.note
    assert note is not None
    return {"key": CASE, "at": note.at, "kind": note.kind, "by": note.by, "text": note.text, "data": note.data}


def test_NT_6_the_log_tells_the_course_of_a_message_with_its_words():
    rules = with_providers("first", "second", tries=1)
    first = tell.opened(None, NOW, event=opened_event(), cause="event-1", rules=rules)
    taken = deliver.take(first.state, NOW, by="me", rules=rules).state
    (message,) = taken.messages
    retried = deliver.failed(
        taken, after(1), id_=message.id, attempt=1, failure="temporary", why="busy", rules=rules, recognising=()
    )
    again = deliver.take(retried.state, after(2), by="me", rules=rules).state
    done = deliver.sent(again, after(3), id_=message.id, attempt=2, provider="second")
    (shown,) = log.read([line(first), line(retried), line(done)], done.state)
    assert shown["text"] == message.text
    assert (shown["state"], shown["provider"], shown["attempt"]) == ("sent", "second", 2)
    assert [(step["what"], step["why"]) for step in shown["course"]] == [
        ("queued", ""),
        ("retry", "busy"),
        ("sent", ""),
    ]
    assert (shown["since"], shown["at"]) == (NOW, after(3))


def test_NT_6_a_message_on_its_way_is_shown_so():
    first = tell.opened(None, NOW, event=opened_event(), cause="event-1", rules=RULES)
    taken = deliver.take(first.state, NOW, by="me", rules=RULES).state
    (shown,) = log.read([line(first)], taken)
    assert (shown["state"], shown["attempt"]) == ("sending", 1)


def test_NT_6_a_superseded_message_is_shown_as_suppressed():
    first = tell.assigned(
        tell.opened(None, NOW, event=opened_event(), cause="event-1", rules=RULES).state,
        NOW, event=assigned_event("Z01"), cause="event-2", rules=RULES,
    )  # fmt: skip
    second = tell.assigned(first.state, after(1), event=assigned_event("Z02"), cause="event-3", rules=RULES)
    old, new = log.read([line(first), line(second)], second.state)
    assert (old["state"], old["why"]) == ("suppressed", "superseded")
    assert new["state"] == "queued"


def test_NT_6_lines_of_other_kinds_are_passed_over():
    assert log.read([{"key": CASE, "at": NOW, "kind": "note", "by": "x", "text": ""}], None) == []
