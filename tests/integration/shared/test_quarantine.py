"""What was set aside stays aside, whoever reads the topic again."""

from typing import Any

from shared.metrics import Metrics
from shared.quarantine import Quarantine, aside
from tests.integration.shared.support import Tape
from tests.unit.shared.tally import Raw

BAD, GOOD = Raw(offset=1, value=b"{"), Raw(offset=2)


async def test_a_record_that_is_read_again_is_known_by_its_place_and_copied_once_more(db: Any) -> None:
    """The first time a crash may have come between keeping and copying."""
    tape = Tape()
    quarantine = Quarantine(db, tape, metrics=Metrics("test"))
    await quarantine.put([aside(BAD, "bad_json", "no", "")])
    assert await quarantine.put_again([BAD, GOOD]) == {"numbers.v1/0/1"}
    first, again = tape.records
    assert first == again
    assert first[3]["switchboard_reason"] == "bad_json"


async def test_another_record_in_the_place_of_a_bad_one_is_news(db: Any) -> None:
    """A topic that was lost with its brokers and made anew begins at the same offsets."""
    quarantine = Quarantine(db, Tape(), metrics=Metrics("test"))
    await quarantine.put([aside(BAD, "bad_json", "no", "")])
    assert await quarantine.put_again([Raw(offset=1, value=b"{}")]) == set()
