"""IN-1: what people and systems send to harm: each ends in a clear refusal or in something sound, and soon."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import ValidationError

from services.intake.channels.phone import Call, contact_value, form_of
from services.intake.domain.ask import Asked, Known, decide_ask, told
from services.intake.domain.customer import point_of
from services.intake.domain.knowledge import Library
from services.intake.domain.query import Cursor, Query, read
from services.intake.lookup import look
from services.intake.lookup.in_file import FileLookUp, LookUpError
from services.intake.lookup.over_http import HttpLookUp
from shared.decisions import Refused
from shared.events.contacts import Contact
from shared.http import Problem
from tests.unit.intake.given import NOW, RULES, arrive

T = TypeVar("T")
LIBRARY = Library(RULES.knowledge.entries)
UNSEEN = ("\u202e", "\u200b", "\u2066", "\ufeff", "\x00")
UNSEEN_ONLY = "\u200b\u2060\u202e"
HOSTILE_TEXTS = {
    "from right to left": "\u202e退款\u202c 100\u202e001",
    "no width within words": "路\u200b由\u200b器\u200bR6怎么重\u200b置",
    "emoji": "👨‍👩‍👧" * 100,
    "one letter": "a" * 1000,
    "one sign": "急" * 1000,
    "combining marks": "e" + "\u0301" * 999,
    "for a backtracking engine": "(a+)+" * 190 + "!",
    "wildcards": ".*" * 500,
    "an operator of the database": '{"$where": "sleep(9999)"}',
    "a script": "<script>alert(1)</script>{{7*7}}{number}%s%n",
    "a header": "x\r\nBcc: all@x.example\r\n\r\n",
    "NUL": "re\x00fund",
    "wide forms": "ﷺ" * 500,
    "a case number of nobody": "0000-0000 " * 90,
}
TEXTS = pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)


@contextmanager
def soon() -> Iterator[None]:
    started = time.thread_time()
    yield
    assert time.thread_time() - started < 1, "seconds of the processor"


def tried(make: Callable[[], T], *errors: type[Exception]) -> T | Exception:
    """What comes of it, or how it is refused."""
    try:
        return make()
    except errors as error:
        return error


@TEXTS
def test_IN_11_a_hostile_question_gets_an_answer_or_a_person(text: str) -> None:
    asked = Asked.model_validate({"source": "app", "conversation": "k", "text": text})
    with soon():
        talk = decide_ask(None, NOW, asked=asked, known=Known(LIBRARY), rules=RULES).state
        got = told(talk, RULES)
    assert got["answer"]
    for contact in talk.waiting.values():
        state = arrive(None, contact).state
        assert not any(sign in f"{state.text}" for sign in UNSEEN)
    assert talk.handed_over == bool(talk.waiting)


def test_IN_11_a_question_of_nothing_visible_is_refused() -> None:
    with pytest.raises(ValidationError, match="a question is wanted"):
        Asked.model_validate({"source": "app", "conversation": "k", "text": UNSEEN_ONLY})


def test_IN_11_a_question_is_understood_whatever_invisible_stands_in_it() -> None:
    asked = Asked.model_validate({"source": "a", "conversation": "k", "text": HOSTILE_TEXTS["no width within words"]})
    talk = decide_ask(None, NOW, asked=asked, known=Known(LIBRARY), rules=RULES).state
    assert (talk.entry, talk.handed_over) == ("router-r6-reset", False)


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS.values(), UNSEEN_ONLY])
def test_a_hostile_search_is_read_as_words_or_refused(text: str) -> None:
    with soon():
        query = tried(lambda: read(text[:200], RULES), Refused)
    if isinstance(query, Refused):
        assert (query.field, query.status) == ("q", 422)
    else:
        assert isinstance(query, Query)
        assert query.number or query.points or query.words


@pytest.mark.parametrize(
    "text", ["9" * 14 + ".0000-0000", "-1.0000-0000", "1e9.0000-0000", "١.0000-0000", "1.0000-0000\n", "." * 200]
)
def test_a_hostile_cursor_is_a_moment_or_refused(text: str) -> None:
    cursor = tried(lambda: Cursor.read(text), Refused)
    assert str(cursor) == text or cursor.field == "after"  # type: ignore[union-attr]


CALLS = {
    "a header in the caller": {"caller": "+8613800138000\r\nBcc: x"},
    "signs in the caller": {"caller": "\u202e+86138\u200b00138000"},
    "a word for a number": {"caller": "DROP TABLE"},
    "digits of another script": {"caller": "١٣٨٠٠١٣٨٠٠٠"},
    "the longest caller": {"caller": "9" * 200},
    "a script for a name": {"name": "<img src=x onerror=alert(1)>\u202e"},
    "NUL in a name": {"name": "a\x00b"},
    "a recording that is a script": {"recording": "javascript:alert(1)"},
    "a recording in our own house": {"recording": "http://169.254.169.254/latest/meta-data"},
    "a language that is none": {"language": "zh-\u202eXX"},
    "an end before all time": {"started": "0001-01-01T00:00:00Z"},
    "an end of all time": {"ended": "9999-12-31T23:59:59-23:59"},
    "not a number": {"sentiment": "nan"},
    "more than any number": {"recording_bytes": "9" * 400},
    "64 KiB of one letter": {"transcript": "a" * 65_536},
    "64 KiB of order numbers": {"transcript": "订单 " * 9_000},
    "nothing visible": {"transcript": UNSEEN_ONLY},
    **{name: {"transcript": text} for name, text in HOSTILE_TEXTS.items()},
}


@pytest.mark.parametrize("fields", CALLS.values(), ids=CALLS)
def test_IN_1_a_hostile_call_ends_in_a_clear_refusal_or_a_sound_case(fields: dict[str, str]) -> None:
    form = urlencode({"call": "c1", "state": "ended", "caller": "+8613800138000", **fields}).encode()
    started = time.thread_time()
    said = tried(lambda: called(form), ValidationError)
    if isinstance(said, Contact):
        state = arrive(None, said).state
        assert state.contacts
        assert not any(sign in f"{state.text}{state.reach.name}" for sign in UNSEEN)
    else:
        assert next(iter(fields)) in str(said)
    assert time.thread_time() - started < 5, "seconds of the processor"


def called(form: bytes) -> Contact:
    call = Call.model_validate(form_of(form))
    return Contact.model_validate(contact_value(call, "phone", RULES.channels.phone, "zh"))


@pytest.mark.parametrize(
    "body",
    [
        b"call=1&state=ended&" + b"x=" + b"%" * 60_000,
        b"&" * 60_000,
        b"=" * 60_000,
        b"call=1&CALL=2&state=ended",
        b"call=1&call%00=2&state=ended",
        b"__proto__=1&call=1&state=ended",
        b"call[]=1&state=ended",
        b"call=1;state=ended",
    ],
)
def test_IN_1_a_hostile_form_is_read_soon_or_refused(body: bytes) -> None:
    with soon():
        said = tried(lambda: called(body), Problem, ValidationError)
    assert isinstance(said, Problem | ValidationError) or said.id == "1"  # type: ignore[union-attr]


ANSWERS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "not UTF-8": (b'{"source": "\xff\xfe"}', {}),
    "UTF-16": ('{"source": "crm"}'.encode("utf-16"), {}),
    "another type": (b"[1, 2]", {}),
    "not a number": (b'{"source": NaN}', {}),
    "deeper than any data": (b"[" * 30_000 + b"]" * 30_000, {}),
    "a number of ten thousand digits": (b'{"customer": {"id": ' + b"9" * 10_000 + b"}}", {}),
    "a name of 60 KiB": (json.dumps({"customer": {"id": "x" * 60_000}}).encode(), {}),
    "more facts than there are": (json.dumps({"facts": {f"f{n}": None for n in range(21)}}).encode(), {}),
    "more rights than there are": (
        json.dumps({"customer": {"id": "C", "entitlements": [{"name": "x"}] * 11}}).encode(), {},
    ),
    "a right for ever and a day": (
        json.dumps({"customer": {"id": "C", "entitlements": [{"name": "x", "until": "9999-99-99"}]}}).encode(), {},
    ),
    "ten megabytes packed into ten thousand bytes": (gzip.compress(b" " * (10 << 20)), {"content-encoding": "gzip"}),
    "packed, but it is not": (b'{"source": "crm"}', {"content-encoding": "gzip"}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers"), ANSWERS.values(), ids=ANSWERS)
async def test_IN_8_a_hostile_answer_of_the_customer_system_is_none(body: bytes, headers: dict[str, str]) -> None:
    crm = httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers=headers))
    lookup = HttpLookUp("https://crm.example", "", 1.0, transport=crm)
    with soon():
        assert await lookup.look(look.Query({"order": "A1"}, ())) is None
    await lookup.close()


EXPORTS = {
    "tables that are none": b'{"customers": 5}',
    "a table that is null": b'{"customers": null}',
    "rows that are none": b'{"customers": [5]}',
    "rights that are none": b'{"customers": [{"id": "C1", "entitlements": 5}]}',
    "deeper than any data": b"[" * 100_000 + b"]" * 100_000,
    "not UTF-8": b'{"customers": "\xff"}',
    "nothing": b"",
    "a name of a megabyte": b'{"customers": [{"id": "%s"}]}' % (b"x" * (1 << 20)),
}


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_IN_8_a_hostile_export_of_the_customer_system_is_refused(tmp_path: Path, export: bytes) -> None:
    file = tmp_path / "crm.json"
    file.write_bytes(export)
    with soon(), pytest.raises(LookUpError) as refused:
        FileLookUp(file, lambda kind, value: point_of(kind, value, RULES))
    assert str(refused.value).startswith(str(file))
    assert len(str(refused.value)) < 1000
