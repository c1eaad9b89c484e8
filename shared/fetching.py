"""A header name that is not UTF-8 must not stop its partition.

aiokafka decodes header names while it unpacks a fetched batch. At the first that is not UTF-8 it raises, returns
nothing of any partition, and does so again for ever. With this, such a batch is unpacked once more with the odd bytes
shown as `\\xff`; whether the record is good is then for its reader to say.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def take_any_header_name() -> None:
    """Let every consumer of this process unpack what it fetches in this way."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self, *limits: Any) -> Any:
        raw, batch = self._next_slice, super().next_batch(*limits)
        return _Batch(batch, raw) if isinstance(batch, DefaultRecordBatch) else batch


class _Batch:
    """A fetched batch; what was unpacked before the odd name comes again, and the fetcher passes over it."""

    def __init__(self, batch: Any, raw: Any) -> None:
        self._batch, self._raw = batch, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            again = _DefaultRecordBatchPy(self._raw)
            again._maybe_uncompress()
            again._buffer = _Lenient(again._buffer)
            yield from again


class _Lenient(bytearray):
    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Lenient(found) if isinstance(at, slice) else found

    def decode(self, *_: Any) -> str:
        return super().decode("utf-8", "backslashreplace")
