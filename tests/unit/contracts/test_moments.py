"""A moment that no clock can reckon with is the sender's mistake, told as one."""

import pytest
from pydantic import ValidationError

from shared.events.contacts import Contact
from shared.events.work import Work


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T00:00:00Z"])
def test_a_moment_beyond_reason_is_refused_with_its_field(moment: str) -> None:
    with pytest.raises(ValidationError, match="occurred_at"):
        Contact(source="s", id="1", channel="web", text="x", occurred_at=moment)
    with pytest.raises(ValidationError, match="at\n"):
        Work(id="1", agent_id="a", case_id="c", at=moment)
