"""What can be asked of the watches."""

from services.sla.store import index
from tests.unit.sla.build import Story


def test_each_open_escalation_is_counted_where_it_stands_and_none_that_is_over() -> None:
    story = Story().clock_at(10, 100, 110)
    assert index(story.state)["standing"] == ("payment:2", "payment:2")
    story.reply(111, "payment", "resolved")
    assert index(story.state)["standing"] == ("payment:2",)
