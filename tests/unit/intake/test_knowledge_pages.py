"""The knowledge base is paged by entry (IN-21); one that is retired meanwhile does not begin the list anew."""

import pytest

from services.intake.api_ask import behind
from shared.http import Problem
from tests.unit.intake.test_knowledge import LIBRARY

ALL = LIBRARY.search("", None, None, None)


def test_IN_21_a_page_goes_on_behind_the_last_entry_of_the_one_before() -> None:
    ids = [found.entry.id for found in ALL]
    assert [item["id"] for item in behind(ALL, "")] == ids
    assert [item["id"] for item in behind(ALL, ids[4])] == ids[5:]


def test_IN_21_a_place_that_is_gone_is_refused_and_named() -> None:
    with pytest.raises(Problem) as refused:
        behind(ALL, "retired-meanwhile")
    assert (refused.value.status, refused.value.type, refused.value.field) == (422, "bad_cursor", "after")
    assert "retired-meanwhile" in refused.value.detail
