"""NT-1: whoever asked for nothing is not told that he is being served."""

import pytest

from tests.unit.notify.build import opened


@pytest.mark.parametrize("asks", [True, False])
def test_NT_1_a_case_that_our_own_call_opened_is_not_told_as_received(asks: bool) -> None:
    templates = [message.template for message in opened(asks=asks).messages]
    assert ("received" in templates) is asks
    assert opened(asks=asks).customer == "customer-1"
