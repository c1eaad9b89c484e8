"""`switchboard demo`: feeds contacts into the whole stack, lets simulated agents work, and measures from the outside.

stdout carries one JSON line of totals, stderr all else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from demo.care import care
from demo.lines import SHIPPED, Line, read
from demo.pace import rules_for
from demo.screen import Screen
from demo.show import Show
from demo.totals import Totals
from deploy.local.errors import Refused
from deploy.local.paths import run_dir
from deploy.local.stack import Stack, running_stack
from shared.kafka import client_options
from shared.settings import Settings

INTERRUPTED = 130
FAILED = 1


def run(seconds: float = 60, contacts: Path | None = None, reset: bool = False) -> int:
    """The exit code: 0 if every well-formed contact became visible in exactly one case and every case has an agent.

    Raises LocalStackError if the contacts cannot be read or the stack cannot be brought up.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    started = time.monotonic()
    screen, lines = Screen(), _read(contacts or SHIPPED)
    screen.say(f"{len(lines)} records from {contacts or SHIPPED}, about {seconds:g} s; Ctrl-C ends it cleanly")
    environ = {"SWITCHBOARD_RULES": str(rules_for(len(lines), run_dir())), **os.environ}
    with running_stack(reset, environ=environ) as stack:
        screen.say(f"the stack runs on {stack.how}, ready after {time.monotonic() - started:.1f} s")
        screen.addresses(stack.env, stack.paths.env)
        show = Show(lines, stack.env, seconds, screen, started)
        try:
            outcome = asyncio.run(_played(show, stack))
        except (KeyboardInterrupt, asyncio.CancelledError):
            outcome = show.totals()
    return _end(outcome, screen)


def _read(file: Path) -> list[Line]:
    try:
        return read(file)
    except OSError as error:
        raise Refused(f"CONTACTS: {file} can't be read: {error.strerror}") from None


async def _played(show: Show, stack: Stack) -> Totals:
    producer = AIOKafkaProducer(
        **kafka_options(stack.env), acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024, request_timeout_ms=60_000,
    )  # fmt: skip
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _current().cancel)
    caring = asyncio.create_task(care(stack, show.screen.say))
    try:
        await producer.start()
        return await show.play(producer, kafka_options(stack.env))
    finally:
        caring.cancel()
        await producer.stop()


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def kafka_options(env: Mapping[str, str]) -> dict[str, Any]:
    """Address and security as every service reads them; a demo has no HTTP door and no database of its own."""
    settings = Settings(
        kafka=env["SWITCHBOARD_KAFKA"], mongo="mongodb://none", http_port=1, keys=Path("none"), rules=None
    )
    return client_options(settings)


def _end(outcome: Totals, screen: Screen) -> int:
    for problem in outcome.problems:
        screen.say(f"NOT WELL: {problem}")
    if outcome.ok:
        screen.say(f"every contact is in exactly one case and every case has an agent, after {outcome.seconds:.1f} s")
    print(orjson.dumps(outcome.as_dict()).decode(), flush=True)
    return INTERRUPTED if outcome.interrupted else 0 if outcome.ok else FAILED
