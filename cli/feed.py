from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.addresses import find
from cli.errors import CliError, Unfinished
from cli.mails import mails
from deploy.local import broker

TOPIC = "contacts.v1"
BATCH = 200
TRIES = 8


class Via(StrEnum):
    kafka = "kafka"
    http = "http"


class Sender(Protocol):
    async def __call__(self, lines: list[bytes]) -> list[str]:
        """Sends all of them and returns the refusals, one line each. Raises CliError if the other side is away."""


def feed(
    file: Annotated[Path, typer.Argument(exists=True, help="One contact per line, as JSON; with --mbox a mailbox.")],
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Contacts per second. Default: as fast as it goes.")
    ] = None,
    via: Annotated[Via, typer.Option(help="Through the topic or through the HTTP door.")] = Via.kafka,
    raw: Annotated[bool, typer.Option("--raw", help="Send broken lines too, exactly as they are.")] = False,
    mbox: Annotated[
        bool, typer.Option("--mbox", help="The file is a mailbox (mbox), or the directory a Maildir.")
    ] = False,
    source: Annotated[str, typer.Option(help="With --mbox: the source that its mails are of.")] = "mail",
) -> None:
    """Send a JSONL file of contacts, or the mails of a mailbox. A broken one is named with its number and not sent."""
    if raw and (mbox or via is Via.http):
        raise CliError("--raw is for lines over Kafka: over HTTP one broken line would spoil the good ones beside it")
    if file.is_dir() and not mbox:
        raise CliError(f"{file} is a directory; --mbox reads a Maildir")
    console = Console(stderr=True)
    broken = Broken(file, console)
    lines, total = mails(file, source, broken) if mbox else _lines(file, raw, broken)
    sent, refused = asyncio.run(_send_all(lines, total, via, rate, console))
    for problem in refused:
        console.print(f"refused: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"sent {sent - len(refused)}, refused {len(refused)}, broken {broken.count}")
    if missed := len(refused) + broken.count:
        raise Unfinished(f"{missed} of the {'mails' if mbox else 'lines'} in {file} did not become contacts")


class Broken:
    """Tells of what can't become a contact, and counts it."""

    def __init__(self, file: Path, console: Console) -> None:
        self.count = 0
        self._file, self._console = file, console

    def __call__(self, number: int, problem: str) -> None:
        self.count += 1
        where = f"{self._file}:{number}: {problem}"
        self._console.print(where, style="red", markup=False, highlight=False, soft_wrap=True)


def _lines(file: Path, raw: bool, broken: Broken) -> tuple[list[bytes], int]:
    lines, faults = read(file, raw)
    for number, problem in faults:
        broken(number, problem)
    return lines, len(lines)


def read(file: Path, raw: bool = False) -> tuple[list[bytes], list[tuple[int, str]]]:
    """The lines to send, and the number and fault of those that no service would take. Empty lines are nothing."""
    lines: list[bytes] = []
    broken: list[tuple[int, str]] = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        if not raw and (problem := fault(line)):
            broken.append((number, problem))
        else:
            lines.append(line)
    return lines, broken


def fault(line: bytes) -> str | None:
    from pydantic import ValidationError

    from shared.events.contacts import Contact

    try:
        Contact.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)
    return None


def key_of(line: bytes) -> bytes | None:
    """The record's key: the conversation, else source:id of what began the thread; none where a raw line has none."""
    import orjson

    try:
        contact = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(contact, dict):
        return None
    replies_to = contact.get("replies_to")
    first = replies_to[0] if replies_to and isinstance(replies_to, list) else contact.get("id")
    return str(contact.get("conversation") or f"{contact.get('source')}:{first}").encode()


def batches(lines: Iterable[bytes], rate: float | None) -> Iterator[list[bytes]]:
    """Small ones at a slow rate, so that contacts come evenly and not in heaps."""
    size = BATCH if rate is None else max(1, min(BATCH, int(rate / 10)))
    rest = iter(lines)
    while batch := list(islice(rest, size)):
        yield batch


async def _send_all(
    lines: Iterable[bytes], total: int, via: Via, rate: float | None, console: Console
) -> tuple[int, list[str]]:
    refused: list[str] = []
    started, sent = time.monotonic(), 0
    async with _kafka() if via is Via.kafka else _http() as send:
        with _progress(console) as progress:
            bar = progress.add_task(f"contacts over {via}", total=total)
            for batch in batches(lines, rate):
                refused += await send(batch)
                sent += len(batch)
                progress.update(bar, completed=sent)
                if rate:
                    await asyncio.sleep(max(0.0, started + sent / rate - time.monotonic()))
    return sent, refused


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


@asynccontextmanager
async def _kafka() -> AsyncIterator[Sender]:
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError

    options = broker.options(find("SWITCHBOARD_KAFKA"))
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 * 1024)

    async def send(lines: list[bytes]) -> list[str]:
        # send() keeps their order; only the answers are awaited together.
        answers = await asyncio.gather(
            *[await producer.send(TOPIC, line, key=key_of(line)) for line in lines], return_exceptions=True
        )
        return [str(answer) for answer in answers if isinstance(answer, BaseException)]

    try:
        await producer.start()
        yield send
    except KafkaError as error:
        raise CliError(f"the broker at {options['bootstrap_servers']} does not take contacts: {error!r}") from error
    finally:
        await producer.stop()


@asynccontextmanager
async def _http() -> AsyncIterator[Sender]:
    import httpx

    headers = {"Authorization": f"Bearer {find('SWITCHBOARD_KEY')}", "Content-Type": "application/json"}
    address = find("INTAKE_URL")
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:

        async def send(lines: list[bytes]) -> list[str]:
            for attempt in range(TRIES):
                answer = await client.post("/v1/contacts/batch", content=b"[" + b",".join(lines) + b"]")
                if answer.status_code not in (429, 503):
                    return _refusals(answer)
                await asyncio.sleep(float(answer.headers.get("Retry-After", 2**attempt / 4)))
            raise CliError(
                f"{address} was too busy {TRIES} times; send slower with --rate, or look at `switchboard status`"
            )

        try:
            yield send
        except httpx.TransportError as error:
            raise CliError(f"nothing answers at {address} ({error}); is the stack up? `make up`") from error


def _refusals(answer: Any) -> list[str]:
    if answer.status_code != 207:
        raise CliError(f"{answer.request.url} answered {answer.status_code}: {answer.text.splitlines()[0][:500]}")
    return list(_refused_items(answer.json()))


def _refused_items(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        if int(item.get("status", 201)) >= 400:
            yield str(item.get("detail") or item.get("title") or item)
