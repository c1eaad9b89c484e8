"""The local provider: "sending" is a line in a JSONL file, exactly one per notification, whoever dies when.

Any number of processes may append to the same file. Under an exclusive lock a batch first reads what was appended
since, cuts off a last line that a dying writer left torn, and adds in one write only what is not there yet.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from services.notify.providers.base import OK, Outgoing, Result, because
from shared.clock import wire


class LocalProvider:
    """Appends to `path`; blocks only in a thread, one batch at a time."""

    name = "local"
    recognises_repeats = True
    reaches_staff = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: set[str] = set()
        self._read_until = 0
        self._inode = 0
        self._turn = asyncio.Lock()

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        async with self._turn:
            return await asyncio.to_thread(self._send, messages)

    def _send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        try:
            with self._locked() as file:
                self._catch_up(file)
                self._append(file, messages)
        except OSError as error:
            return [Result("temporary", because(error))] * len(messages)
        return [OK] * len(messages)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = self._open_locked()
        try:
            yield file
        finally:
            os.close(file)  # and with it the lock

    def _open_locked(self) -> int:
        """The file that lies at the path now, locked: another may have taken its place while we waited."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file).st_ino == os.stat(self._path).st_ino:
                    return file
            except FileNotFoundError:
                pass  # taken away while we waited: make it anew
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _catch_up(self, file: int) -> None:
        """Learn the ids that others appended; repair a torn end."""
        status = os.fstat(file)
        if status.st_ino != self._inode or status.st_size < self._read_until:
            self._ids, self._read_until, self._inode = set(), 0, status.st_ino
            self._keep_name()
        whole, torn = _read(file, self._read_until, status.st_size).rpartition(b"\n")[::2]
        self._ids.update(_ids(whole))
        if torn:
            os.ftruncate(file, status.st_size - len(torn))
        self._read_until = status.st_size - len(torn)

    def _keep_name(self) -> None:
        """A new file survives a power cut only once its directory is on disk."""
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _append(self, file: int, messages: Sequence[Outgoing]) -> None:
        new = {m.notification_id: m for m in messages if m.notification_id not in self._ids}
        data = b"".join(_line(message) for message in new.values())
        if not data:
            return
        _write(file, data)
        os.fsync(file)
        self._ids.update(new)
        self._read_until += len(data)


def _read(file: int, start: int, end: int) -> bytes:
    pieces = []
    while start < end and (piece := os.pread(file, end - start, start)):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _ids(lines: bytes) -> Iterator[str]:
    for line in lines.splitlines():
        try:
            value: Any = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # not written by us
        if isinstance(value, dict) and isinstance(value.get("notification_id"), str):
            yield value["notification_id"]


def _line(message: Outgoing) -> bytes:
    return orjson.dumps(
        {
            "notification_id": message.notification_id,
            "case_id": message.case_id,
            "channel": message.channel,
            "to": message.to,
            "language": message.language,
            "template": message.template,
            "subject": message.subject,
            "text": message.text,
            "at": wire(message.at),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
