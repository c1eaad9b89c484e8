from __future__ import annotations

import json

from shared.events.contacts import MAX_TEXT_BYTES, Contact
from tests.faults.rows.records import LARGE_EVERY, TALKS, late

MANY = 8


def test_among_what_a_consumer_is_behind_some_is_new_and_as_large_as_it_may_be() -> None:
    records = [late(number) for number in range(MANY * LARGE_EVERY)]
    contacts = [Contact.model_validate(json.loads(record.value or b"")) for record in records]
    large = [contact for contact in contacts if len((contact.text or "").encode()) > 0.99 * MAX_TEXT_BYTES]

    assert [contact.id for contact in large] == [f"large-{nth}" for nth in range(MANY)]
    assert len({contact.conversation for contact in large}) == MANY, "no case grows by many of them"
    assert {c.id for c in contacts} == {f"b{n}" for n in range(TALKS)} | {c.id for c in large}
    assert [record.key for record in records] == [(contact.conversation or "").encode() for contact in contacts]
