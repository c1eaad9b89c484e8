"""NT-6: the local provider writes each notification exactly once, whoever dies when."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from services.notify.providers.base import OK, Outgoing
from services.notify.providers.local import LocalProvider
from tests.unit.notify.build import NOW

WRITER = """
import asyncio, sys
from pathlib import Path
from services.notify.providers.local import LocalProvider
from tests.unit.notify.test_local_provider import outgoing

async def write(path, first, last, times):
    provider = LocalProvider(Path(path))
    print("ready", flush=True)
    for _ in range(times):
        for start in range(first, last, 10):
            await provider.send([outgoing(n) for n in range(start, min(start + 10, last))])

asyncio.run(write(sys.argv[1], *map(int, sys.argv[2:5])))
"""


def outgoing(number: int) -> Outgoing:
    return Outgoing(
        notification_id=f"n-{number}", case_id=f"case-{number}", channel="sms", to="+8613800138000", language="zh",
        template="received", subject="", text="您的问题已受理\n" + "，" * 500, at=NOW,
    )  # fmt: skip


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(path: Path) -> list[str]:
    return [line["notification_id"] for line in lines(path)]


def writer(path: Path, first: int, last: int, times: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(last), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


async def test_a_line_holds_what_the_contract_names(tmp_path: Path):
    path = tmp_path / "deep" / "out.jsonl"
    assert await LocalProvider(path).send([outgoing(1)]) == [OK]
    (line,) = lines(path)
    assert list(line) == [
        "notification_id",
        "case_id",
        "channel",
        "to",
        "language",
        "template",
        "subject",
        "text",
        "at",
    ]
    assert line["at"] == "2026-11-22T08:00:00.000Z"
    assert line["text"] == outgoing(1).text


async def test_NT_6_a_repeat_is_taken_and_not_written_again(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    provider = LocalProvider(path)
    assert await provider.send([outgoing(1), outgoing(2), outgoing(1)]) == [OK, OK, OK]
    assert await provider.send([outgoing(2), outgoing(3)]) == [OK, OK]
    assert ids(path) == ["n-1", "n-2", "n-3"]


async def test_NT_6_what_another_process_wrote_is_a_repeat_too(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    mine, other = LocalProvider(path), LocalProvider(path)
    await mine.send([outgoing(1)])
    await other.send([outgoing(1), outgoing(2)])
    await mine.send([outgoing(2), outgoing(3)])
    assert ids(path) == ["n-1", "n-2", "n-3"]


async def test_NT_6_a_torn_last_line_was_never_said_and_is_said_now(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    await LocalProvider(path).send([outgoing(1), outgoing(2)])
    whole = path.read_bytes()
    for cut in (1, 2, 100, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        await LocalProvider(path).send([outgoing(2)])
        assert ids(path) == ["n-1", "n-2"]


async def test_NT_6_a_line_torn_while_we_were_away_is_repaired(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    provider = LocalProvider(path)
    await provider.send([outgoing(1)])
    with path.open("ab") as file:
        file.write(b'{"notification_id":"n-2","case')
    await provider.send([outgoing(2)])
    assert ids(path) == ["n-1", "n-2"]


async def test_a_file_that_was_taken_away_or_emptied_is_begun_anew(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    provider = LocalProvider(path)
    await provider.send([outgoing(1)])
    path.unlink()
    await provider.send([outgoing(1)])
    assert ids(path) == ["n-1"]
    path.write_bytes(b"")
    await provider.send([outgoing(1), outgoing(2)])
    assert ids(path) == ["n-1", "n-2"]


async def test_lines_of_others_are_left_alone(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    path.write_text('not json\n[]\n{"notification_id": 7}\n')
    await LocalProvider(path).send([outgoing(1)])
    assert path.read_text().startswith('not json\n[]\n{"notification_id": 7}\n{"notification_id":"n-1"')


async def test_a_file_that_cannot_be_written_is_a_temporary_failure(tmp_path: Path):
    (result,) = await LocalProvider(tmp_path).send([outgoing(1)])
    assert result.outcome == "temporary"
    assert "IsADirectoryError" in result.why


async def test_NT_6_many_batches_at_once_write_each_once(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    several = [LocalProvider(path) for _ in range(3)]
    batches = [[outgoing(n) for n in range(start, start + 20)] for start in range(0, 100, 10)]
    await asyncio.gather(*(provider.send(batch) for batch in batches for provider in several))
    assert sorted(ids(path)) == sorted(f"n-{n}" for n in range(110))


def test_NT_6_processes_side_by_side_write_each_once(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    both = [writer(path, 0, 200), writer(path, 100, 300)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert sorted(ids(path)) == sorted(f"n-{n}" for n in range(300))


def test_NT_6_a_process_killed_again_and_again_writes_each_once(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    for round_ in range(4):
        process = writer(path, 0, 600, 1000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        before = path.stat().st_size if path.exists() else 0
        while process.poll() is None and (not path.exists() or path.stat().st_size < before + 20_000) and round_ < 2:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert writer(path, 0, 600).wait(60) == 0
    assert sorted(ids(path)) == sorted(f"n-{n}" for n in range(600))
