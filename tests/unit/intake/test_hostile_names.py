"""IN-1, IN-10: names, links and marks are read in a time that goes with their length, like texts."""

import time
from collections.abc import Callable

import pytest

from services.intake.domain.names import alike
from services.intake.domain.visible import readable, visible
from shared.events.contacts import MAX_ATTACHMENTS
from tests.unit.intake.given import arrive, contact

LONG = 20_000
PIECES = ["a", "a/", "a\\", ".", "a.exe:", "é", "退\u200b", " ", "%3b", "a=b&"]
MARKS = "\u0300\u0316"
"""Two that belong in the other order."""


def seconds(do: Callable[[], object]) -> float:
    started = time.thread_time()
    do()
    return time.thread_time() - started


@pytest.mark.parametrize("piece", [*PIECES, MARKS])
def test_IN_10_long_names_of_attachments_and_recordings_are_judged_in_no_time(piece: str) -> None:
    name = (piece * LONG)[:LONG]
    link = {"name": name, "url": "https://files.example/a.pdf"}
    said = contact(attachments=[link] * 5, voice={"recording": link})
    assert seconds(lambda: arrive(None, said)) < 2, "seconds; it took 5.7 for one where each sign was a start"


@pytest.mark.parametrize("piece", PIECES)
def test_IN_10_as_many_long_links_as_a_contact_holds_are_judged_in_no_time(piece: str) -> None:
    url = f"https://files.example/?{piece}" + (piece * LONG)[:1900]
    said = contact(attachments=[{"url": url}, {"url": url.replace("?", "")}] * (MAX_ATTACHMENTS // 2))
    assert seconds(lambda: arrive(None, said)) < 2, "seconds; it took 4.8"


@pytest.mark.parametrize("field", ["name", "app_id", "social", "email", "tier"])
def test_IN_3_a_long_pile_of_marks_is_no_load_wherever_it_stands(field: str) -> None:
    said = contact("x" + MARKS * 15_000, customer={field: "x" + MARKS * LONG, "phone": "+8613800138000"})
    assert seconds(lambda: arrive(None, said)) < 2, "seconds; one name took 14 to bring its marks into order"


def test_IN_3_two_long_names_are_compared_in_no_time() -> None:
    name = "x" + MARKS * LONG
    assert seconds(lambda: alike(name, f"{name} b", ())) < 2, "seconds; it took 20"


def test_thirty_marks_stay_on_a_letter_and_no_more() -> None:
    assert visible("a" + MARKS * 15) == "a" + MARKS * 15
    assert visible("a" + MARKS * 16) == readable("a" + MARKS * 16) == "a" + MARKS * 15
    assert visible(f"a{MARKS}b{MARKS}" * 20) == f"a{MARKS}b{MARKS}" * 20


def refused(name: str) -> list[str]:
    decision = arrive(None, contact(attachments=[{"name": name, "url": "https://files.example/1"}]))
    assert decision.note is not None
    return [link["why"] for link in decision.note.data.get("refused", [])]


def test_IN_10_a_name_that_no_file_has_is_refused_and_one_of_folders_is_judged_by_its_last_part() -> None:
    assert refused("a" * 1_001) == ["name"]
    assert refused("报告" * 100 + ".pdf") == []
    assert refused("folder/sub\\setup.exe") == refused("a:b\\c/setup.exe ") == ["ending"]
    assert refused("setup.exe/photo.jpg") == []
