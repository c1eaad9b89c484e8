"""Files made to harm: each of their parts is taken or named, and the good ones beside it are used."""

from __future__ import annotations

from mailbox import mbox
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cli.errors import BadFile
from cli.mails import mails
from cli.main import app
from services.intake.domain.rules import Rules
from shared.events.contacts import Contact
from shared.rules import check, load
from tests.unit.intake.taught import EXAMPLES
from tests.unit.intake.test_mail import HEAD, HOSTILE, nested, parts

BOMBS = [
    nested(5000),
    parts(1000),
    HEAD + b"\r\n" + b"\n" * 1_000_000,
    HEAD + b"\r\n" + b"a" * (1 << 20),
    b"\xff" * 1000,
]
GOOD = b"From: fang@mail.example\r\nMessage-ID: <good@x>\r\n\r\nrefund, please\r\n"


def test_IN_1_every_mail_of_a_hostile_mailbox_is_sent_or_named(tmp_path: Path) -> None:
    box = mbox(tmp_path / "box")
    hostile = [b"From: a@b.example\r\n" + raw for _, raw, _ in HOSTILE] + BOMBS
    for raw in (*hostile, GOOD):
        box.add(raw)
    box.flush()
    broken: dict[int, str] = {}
    lines, total = mails(tmp_path / "box", "mail", broken.__setitem__)
    sent = [Contact.model_validate(orjson.loads(line)) for line in lines]
    assert len(sent) + len(broken) == total == len(hostile) + 1
    assert all(len(why) < 300 for why in broken.values())
    assert sent[-1].id == "good@x"


@pytest.mark.parametrize("content", [b"", b"From \n" * 10_000, b"From x\n" + bytes(range(256)) * 100])
def test_IN_1_a_mailbox_without_a_good_mail_is_named_mail_by_mail(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box").write_bytes(content)
    broken: dict[int, str] = {}
    lines, total = mails(tmp_path / "box", "mail", broken.__setitem__)
    assert list(lines) == []
    assert len(broken) == total


@pytest.mark.parametrize("content", [b"\x00" * 10_000, b"no mailbox", bytes(range(256)) * 100])
def test_IN_1_what_is_no_mailbox_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box").write_bytes(content)
    with pytest.raises(BadFile, match="box is no mailbox"):
        mails(tmp_path / "box", "mail", lambda number, why: None)


UNENDING = b'"' + b"x" * 1000
ROWS = {
    "NUL": b"a\x00b,\x00",
    "nothing visible": "\u200b\u202e,\u2066".encode(),
    "emoji": "👨‍👩‍👧,👍🏽".encode(),
    "a path": b"x,../../../etc/passwd",
    "a tag of YAML": b'x,"!!python/object/apply:os.system [id]"',
    "an anchor of YAML": b'x,"&a [*a, *a]"',
    "a key of YAML": b'x,"a: {b: ["',
    "lines in a label": b'x,"a\nb: c\n- d"',
    "a formula": b"\"=cmd|' /C calc'!A0\",=1+1",
    "a label of 10 KiB": b"x," + b"y" * 10_000,
    "a text of 20 KiB": b"x" * 20_000 + b",coffee",
    "many columns": b"x" + b",y" * 1_000,
}


def test_IN_5_hostile_examples_are_learned_or_named_and_the_others_are_learned(tmp_path: Path) -> None:
    file, rules = tmp_path / "e.csv", tmp_path / "rules"
    good = [f'"{text}",{label}'.encode() for text, label in EXAMPLES]
    hostile = [row.replace(b"x,", b"x%d," % n, 1) for row in ROWS.values() for n in range(6)]
    file.write_bytes(b"\n".join([b"text,category", *good, *hostile, UNENDING]))
    told = CliRunner().invoke(app, ["learn", str(file), "--into", str(rules)])
    assert told.exit_code == 0, told.stderr
    assert check(rules) == []
    model = load("intake", Rules.parse, rules).category_model
    assert model is not None
    assert {label for _, label in EXAMPLES} <= set(model.labels)
    assert all(len(label.splitlines()) == 1 for label in model.labels)


def test_IN_5_a_field_of_megabytes_is_refused_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(b"text,category\n" + b"x" * (2 << 20) + b",coffee\n")
    told = CliRunner().invoke(app, ["learn", str(file), "--into", str(tmp_path / "rules")])
    assert told.exit_code == 1
    assert "e.csv: field larger than" in told.stderr
    assert not (tmp_path / "rules").exists()
