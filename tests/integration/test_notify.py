"""Notify over a real database: from an event to a line at the provider, and what HTTP shows of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from services.notify.app import assemble
from services.notify.providers.base import OK, Outgoing, Provider, Result
from services.notify.providers.local import LocalProvider
from services.notify.settings import Settings
from shared.access import Keys, new_key
from shared.clock import utc_now
from shared.events.base import Event, EventData
from shared.http import install_problems
from shared.ids import event_id, named
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Publication
from shared.service import Core, Running, build
from shared.work import set_up
from tests.unit.notify.build import WANG, assigned_event, opened_event, reminder_event, resolved_event


class Published:
    """A broker that takes everything."""

    def __init__(self) -> None:
        self.records: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        self.records += [
            (topic, {name: v.decode() for name, v in headers}, json.loads(value or b""))
            for topic, _, value, headers in records
        ]
        return ()


@dataclass
class Carrier:
    """A provider under the test's control, that cannot recognise repeats."""

    name: str = "smtp"
    recognises_repeats: bool = False
    reaches_staff: bool = False
    told: list[Outgoing] = field(default_factory=list)
    answers: list[Result] = field(default_factory=list)
    hold: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        self.told += messages
        self.begun.set()
        if self.hold:
            await self.hold.wait()
        return [self.answers.pop(0) if self.answers else OK for _ in messages]


class Clock:
    """The time of day, moved on by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Notify:
    """One process of notify, driven by hand."""

    running: Running
    producer: Published
    clock: Clock
    http: httpx.AsyncClient
    keys: dict[str, str]

    @property
    def files(self) -> Any:
        return self.running.parts.stores[0]

    @property
    def delivery(self) -> Any:
        return self.running.parts.after.__self__  # type: ignore[attr-defined]

    async def read(self, *events: Event) -> None:
        door = self.running.parts.doors["cases.v1"][0]
        outcomes = await self.files.apply([door.prepare(event) for event in events], recorded=True)
        await self.running.parts.after(outcomes)

    async def deliver(self) -> None:
        while await self.delivery.turn(self.running.ownership):
            await self.delivery.idle()

    async def get(self, path: str, role: str = "supervisor") -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {self.keys[role]}"})

    async def post(self, path: str, body: Any, role: str = "supervisor") -> httpx.Response:
        return await self.http.post(path, json=body, headers={"Authorization": f"Bearer {self.keys[role]}"})

    def events(self) -> list[tuple[str, str]]:
        return [(headers["ce_type"], value["notification_id"]) for _, headers, value in self.producer.records]


def record(data: EventData, sequence: int, subject: str, **after: int) -> Event:
    said = {"cases.v1" if name == "cases" else name: number for name, number in after.items()}
    return Event(
        topic=data.TOPIC, type=data.TYPE, subject=subject, id=event_id(data.TOPIC, subject, sequence),
        time=utc_now(), data=data.model_dump(mode="json"), sequence=sequence, after=said,
    )  # fmt: skip


def story(number: int = 1, **changes: Any) -> tuple[str, Event, Event, Event]:
    """A case's id, and its opening, assignment and resolution as read from the topics."""
    case = named("case", "integration", number)
    ids = {"case_id": case}
    opened = opened_event(case_id=case, **changes)
    return (
        case,
        record(opened, 1, case),
        record(assigned_event().model_copy(update=ids), 1, case, cases=1),
        record(resolved_event().model_copy(update=ids), 2, case),
    )


@pytest.fixture
async def start(mongo: str, database: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Starts processes of notify on one database."""
    client = connect(mongo)
    clock = Clock()
    keys, entries = {}, []
    for role in ("supervisor", "agent", "channel"):
        keys[role], entry = new_key(role, role, None)
        entries.append(entry)
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump(entries))

    async def one(*carriers: Provider) -> Notify:
        producer = Published()
        settings = Settings.model_construct(partitions=12, rules=None, outbox=tmp_path / "out.jsonl")
        core = Core("notify", settings, client[database], producer, Metrics("notify"), clock=clock)
        running = build(core, assemble(core, lambda _: carriers))
        await set_up(running)
        app = FastAPI()
        app.state.running, app.state.keys = running, Keys(tmp_path / "keys.yaml")
        install_problems(app, lambda error: None)
        app.include_router(running.parts.router(running))  # type: ignore[misc]
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notify")
        return Notify(running, producer, clock, http, keys)

    yield one
    await client.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_NT_1_the_milestones_of_a_case_reach_the_customer_once_and_in_order(start: Any, tmp_path: Path):
    notify = await start(LocalProvider(tmp_path / "out.jsonl"))
    case, opened, assigned, resolved = story()
    await notify.read(assigned, opened)  # the effect before its cause
    await notify.read(resolved, opened, assigned)
    await notify.deliver()
    told = lines(tmp_path / "out.jsonl")
    assert [line["template"] for line in told] == ["received", "assigned", "resolved"]
    assert {(line["case_id"], line["channel"], line["to"]) for line in told} == {(case, "sms", WANG.phone)}
    assert [kind for kind, _ in notify.events()] == ["notification.sent"] * 3
    assert [headers["ce_sequence"] for _, headers, _ in notify.producer.records] == ["1", "2", "3"]
    assert notify.running.core.metrics.registry.get_sample_value(
        "switchboard_notifications_total", {"service": "notify", "channel": "sms", "outcome": "sent"}
    ) == 3  # fmt: skip


async def test_NT_6_two_processes_never_hand_over_the_same_message(start: Any):
    carrier = Carrier()
    several = [await start(carrier) for _ in range(3)]
    events = [story(n, channel="email")[1] for n in range(100)]
    await several[0].read(*events)
    await asyncio.gather(*(notify.deliver() for notify in several))
    ids = [message.notification_id for message in carrier.told]
    assert len(ids) == len(set(ids)) == 100


async def test_NT_6_what_a_dead_process_left_behind_is_unknown_and_settled_by_a_person(start: Any):
    dead, carrier = Carrier(hold=asyncio.Event()), Carrier()
    case, opened, *_ = story(channel="email")
    first = await start(dead)
    await first.read(opened)
    await first.delivery.turn(first.running.ownership)
    await dead.begun.wait()
    second = await start(carrier)
    await second.deliver()
    assert carrier.told == []
    second.clock.ahead = timedelta(minutes=6)
    await second.deliver()
    assert carrier.told == []
    (item,) = (await second.get("/v1/notifications?state=unknown")).json()["items"]
    assert (item["case_id"], item["state"], item["why"]) == (case, "unknown", "left_behind")

    path = f"/v1/notifications/{item['notification_id']}/settle"
    assert (await second.post(path, {"sent": False}, role="agent")).status_code == 403
    assert (await second.post(path, {"sent": "no"})).status_code == 422
    answer = await second.post(path, {"sent": False})
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    await second.deliver()
    assert [message.notification_id for message in carrier.told] == [item["notification_id"]]
    assert [kind for kind, _ in second.events()] == ["notification.unknown", "notification.sent"]
    again = await second.post(path, {"sent": False})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not_unknown")

    assert dead.hold is not None
    dead.hold.set()  # the dead was only asleep: its answer comes too late
    await first.delivery.idle()
    assert first.events() == []


async def test_NT_6_a_local_line_left_behind_is_not_written_twice(start: Any, tmp_path: Path):
    path = tmp_path / "out.jsonl"

    @dataclass
    class Deaf:
        """Writes and dies before it can say so."""

        name: str = "local"
        recognises_repeats: bool = True
        reaches_staff: bool = True

        async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
            await LocalProvider(path).send(messages)
            return await asyncio.get_running_loop().create_future()

    _, opened, *_ = story()
    first, second = await start(Deaf()), await start(LocalProvider(path))
    await first.read(opened)
    await first.delivery.turn(first.running.ownership)
    second.clock.ahead = timedelta(seconds=16)
    await second.deliver()
    assert len(lines(path)) == 1
    assert [kind for kind, _ in second.events()] == ["notification.sent"]
    for lane in list(first.delivery._lanes):
        lane.cancel()


async def test_NT_6_a_provider_that_fails_is_tried_again_then_the_second_is_asked(start: Any):
    no = Result("permanent", "550 no such user")
    smtp, local = Carrier(answers=[Result("temporary", "busy"), no]), Carrier("local", True)
    notify = await start(smtp, local)
    _, opened, *_ = story(channel="email")
    await notify.read(opened)
    await notify.deliver()
    assert (len(smtp.told), local.told) == (1, [])
    notify.clock.ahead = timedelta(seconds=11)
    await notify.deliver()
    assert (len(smtp.told), len(local.told)) == (2, 1)
    (item,) = (await notify.get(f"/v1/notifications?case={opened.data['number']}")).json()["items"]
    assert (item["state"], item["provider"], item["attempt"]) == ("sent", "local", 3)
    assert [step["why"] for step in item["course"]] == ["", "busy", "550 no such user", ""]


async def test_NT_6_a_slow_provider_does_not_hold_up_the_other(start: Any):
    slow, quick = Carrier(hold=asyncio.Event()), Carrier("local", True)
    notify = await start(slow, quick)
    worker = asyncio.create_task(notify.running.parts.workers(notify.running)[0]())
    await notify.read(story(1, channel="email")[1])
    await slow.begun.wait()
    await notify.read(story(2, channel="phone")[1])
    await asyncio.wait_for(quick.begun.wait(), 10)
    assert len(quick.told) == 1
    worker.cancel()
    assert slow.hold is not None
    slow.hold.set()
    await asyncio.gather(worker, return_exceptions=True)
    assert {kind for kind, _ in notify.events()} == {"notification.sent"}
    assert len(notify.events()) == 2


async def test_NT_6_a_slow_provider_does_not_hide_what_another_may_send_of_the_same_case(start: Any):
    slow, quick = Carrier(hold=asyncio.Event()), Carrier("local", True, True)
    notify = await start(slow, quick)
    case, opened, *_ = story(1, channel="email")
    reminder = reminder_event(0.5).model_copy(update={"case_id": case})
    await notify.read(opened)
    await notify.delivery.turn(notify.running.ownership)
    await slow.begun.wait()
    await notify.read(record(reminder, 1, case, cases=1), story(2, channel="email")[1])
    assert await notify.delivery.turn(notify.running.ownership) == 1, "what only the slow one may send is not looked at"
    await quick.begun.wait()
    assert [(message.to, message.case_id) for message in quick.told] == [("Z01", case)]
    assert slow.hold is not None
    slow.hold.set()
    await notify.delivery.idle()
    await notify.deliver()
    assert {message.to for message in slow.told} == {WANG.email}
    assert len(slow.told) == 2


@pytest.mark.parametrize(("reaches_staff", "warnings"), [(True, 0), (False, 1)])
async def test_NT_4_mail_takes_messages_to_desks_where_staff_have_mailboxes_and_else_the_start_says_so(
    start: Any, reaches_staff: bool, warnings: int, caplog: pytest.LogCaptureFixture
):
    mail = Carrier(reaches_staff=reaches_staff)
    notify = await start(mail)
    case, opened, *_ = story(1, channel="email")
    reminder = reminder_event(0.5).model_copy(update={"case_id": case})
    await notify.read(opened, record(reminder, 1, case, cases=1))
    await notify.deliver()
    desks = [("Z01", True)] if reaches_staff else []
    assert sorted((message.to, message.staff) for message in mail.told) == [*desks, (WANG.email, False)]
    assert [said.levelname for said in caplog.records].count("WARNING") == warnings


async def test_NT_6_a_provider_with_a_bug_leaves_its_messages_open(start: Any):
    @dataclass
    class Broken(Carrier):
        async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
            raise RuntimeError("a bug")

    notify = await start(Broken())
    await notify.read(story(channel="email")[1])
    await notify.deliver()
    (item,) = (await notify.get("/v1/notifications?state=unknown")).json()["items"]
    assert item["why"] == "RuntimeError: a bug"


async def test_NT_6_the_log_is_paged_by_customer(start: Any):
    notify = await start(Carrier("local", True))
    await notify.read(*(event for n in range(3) for event in story(n)[1:]))
    await notify.deliver()
    seen: list[str] = []
    after = ""
    for _ in range(5):
        answer = (
            await notify.get(f"/v1/notifications?customer=customer-1&limit=2&after={after.replace('+', '%2B')}")
        ).json()
        seen += [item["notification_id"] for item in answer["items"]]
        after = answer["next"] or ""
    assert len(seen) == len(set(seen)) == 9
    assert after == ""


async def test_NT_5_a_preview_over_http(start: Any):
    notify = await start(Carrier("local", True))
    answer = await notify.post("/v1/templates/preview", {"template": "assigned", "language": "en", "channel": "sms"})
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["template"] == {"id": "assigned", "version": 1}
    assert "agent Z01, team Payments" in shown["text"]
    for body, named_field in (
        ({"template": "no"}, "template"),
        ({"template": "received", "words": {"subject": "s", "text": "{{ x }}"}}, "words.text"),
        ({}, "template"),
    ):
        refused = await notify.post("/v1/templates/preview", body)
        assert (refused.status_code, refused.json()["field"]) == (422, named_field)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/notifications", 422),
        ("/v1/notifications?case=none", 404),
        ("/v1/notifications?customer=nobody", 200),
        ("/v1/notifications?state=sent", 422),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(start: Any, path: str, status: int):
    notify = await start(Carrier("local", True))
    assert (await notify.get(path)).status_code == status


async def test_only_who_may_read_reads_and_only_a_known_notification_is_settled(start: Any):
    notify = await start(Carrier("local", True))
    assert (await notify.http.get("/v1/notifications?case=x")).status_code == 401
    assert (await notify.get("/v1/notifications?case=x", role="channel")).status_code == 403
    assert (await notify.post("/v1/notifications/none/settle", {"sent": True})).status_code == 404


async def test_NT_6_a_backlog_of_more_than_one_round_is_sent_once(start: Any, tmp_path: Path):
    notify = await start(LocalProvider(tmp_path / "out.jsonl"))
    await notify.read(*(story(n)[1] for n in range(600)))
    await notify.deliver()
    ids = [line["notification_id"] for line in lines(tmp_path / "out.jsonl")]
    assert len(ids) == len(set(ids)) == 600
