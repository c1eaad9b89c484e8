from pathlib import Path

import orjson
import pytest

from demo.feed import rate_for
from demo.lines import SHIPPED, identities, line, read

GOOD = {"source": "webchat", "id": "1", "channel": "chat", "text": "退款"}


def made(**more: object) -> bytes:
    return orjson.dumps({**GOOD, **more})


def test_the_key_is_the_conversation_else_source_and_id() -> None:
    assert line(made()).key == b"webchat:1"
    assert line(made(conversation="wc-1")).key == b"wc-1"


@pytest.mark.parametrize(
    "raw", [b"{not json", b"[]", made(channel="fax"), made(text=" "), made(text="退" * 30000), made(id="")]
)
def test_a_malformed_line_is_fed_and_not_waited_for(raw: bytes) -> None:
    assert line(raw).identity is None
    assert not line(raw).over_http


def test_a_well_formed_contact_is_waited_for_once(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"\n".join([made(), b"", made(), made(id="2"), b"oops"]) + b"\n")
    assert len(read(file)) == 4
    assert identities(read(file)) == [("webchat", "1"), ("webchat", "2")]


def test_about_one_conversation_in_ten_goes_over_http_and_keeps_its_door() -> None:
    lines = read(SHIPPED)
    doors: dict[bytes | None, set[bool]] = {}
    for one in lines:
        doors.setdefault(one.key, set()).add(one.over_http)
    assert {len(used) for used in doors.values()} == {1}
    assert 0.05 < sum(one.over_http for one in lines) / len(lines) < 0.15


def test_a_small_file_is_spread_over_most_of_the_time_and_a_large_one_fed_at_full_speed() -> None:
    assert rate_for(360, 60) == 10
    assert rate_for(2500, 60) is None
