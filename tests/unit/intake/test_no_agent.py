"""IN-11: who says that no agent helps him asks for one."""

import pytest

from tests.unit.intake.test_ask import said


@pytest.mark.parametrize(
    "text",
    [
        "No agent has called me back. How do I reset router R6?",
        "There is no human here. How do I reset router R6?",
        "no human",
        "I am talking to a bot, not a human",
        "two days without an agent",
    ],
)
def test_IN_11_that_there_is_no_agent_asks_for_one(text: str) -> None:
    talk = said(text)
    assert (talk.handed_over, talk.reply.why) == (True, "asked")
