"""The house: all services as they are, with customers, agents, departments and a provider around them.

sla and feedback follow the rules in which an hour lasts a second.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson

import demo
from services.feedback.app import assemble as feedback
from services.feedback.settings import Settings as FeedbackSettings
from services.intake.api import _contact_change
from services.intake.app import assemble as intake
from services.intake.settings import Settings as IntakeSettings
from services.notify.app import assemble as notify
from services.notify.providers.base import OK, Outgoing, Result
from services.notify.settings import Settings as NotifySettings
from services.routing.app import assemble as routing
from services.routing.settings import Settings as RoutingSettings
from services.sla.app import assemble as sla
from services.sla.settings import Settings as SlaSettings
from shared.clock import wire
from shared.decisions import Refused
from shared.errors import TRANSIENT
from shared.events.contacts import Contact
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.http import Problem
from shared.rules import Parse, load
from shared.service import Core, Parts, Running
from tests.simulation.processes import alive
from tests.simulation.recorded import recorded
from tests.simulation.world import PATIENCE_S, World

COMMON: dict[str, Any] = {
    "kafka": "simulated",
    "mongo": "simulated",
    "partitions": 12,
    "rules": None,
    "otlp": "",
    "keys": None,
}
CALM_PACE, ASK_AGAIN_S = 0.2, 1.0
OURS = ("cases.v1", "assignments.v1", "notifications.v1", "sla.v1", "feedback.v1", *ESCALATIONS)
FAST = Path(demo.__file__).with_name("rules")
TEXTS = (
    "昨天支付了两次，订单 A20261121-553，请尽快退款",
    "系统崩溃，上海所有门店无法使用，不能收款",
    "咨询保修政策",
    "一体机E500开不了机，序列号SN88210，请派工程师上门",
    "The invoice has the wrong name, please correct it",
    "物流三天没有更新，包裹在哪里？",
)
READY = dict.fromkeys(("login", "permissions", "headset", "network", "vpn_antivirus", "updates_read"), True)
SKILLS = ("technical", "product", "returns", "complaints", "logistics", "accounts", "payments", "general")


class _Rules:
    """The shipped rules, read once for all histories."""

    def __init__(self, current: Any) -> None:
        self._current = current
        self.refused: tuple[str, ...] = ()

    def __call__(self) -> Any:
        return self._current

    def refresh(self) -> None: ...


_KNOWN: dict[str, Any] = {}


Place = tuple[str, str, int]


class HouseCore(Core[Any]):
    newer: ClassVar[bool] = False

    def rules(self, parse: Parse[Any]) -> Any:
        if self.name not in _KNOWN:
            _KNOWN[self.name] = load(self.name, parse, FAST if self.name in ("sla", "feedback") else None)
        return _Rules(_KNOWN[self.name])

    def store_of(self, kind: Any, shape: Any, relay: Any, interpret: Any) -> Any:
        return super().store_of(recorded(kind, self.newer), shape, relay, interpret)


class NewerCore(HouseCore):
    """The version after this one: it keeps and says more."""

    newer = True


class Provider:
    """Takes each message when it says so, and counts; some answers get lost, some messages are refused."""

    name = "local"
    recognises_repeats = False
    reaches_staff = True

    def __init__(self, world: World) -> None:
        self._world = world
        self.taken: Counter[str] = Counter()
        self.then: Callable[[], object] = lambda: None  # done when it has taken a message, before it says so

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        alive()
        chance = self._world.faults.chance
        results = []
        for message in messages:
            await asyncio.sleep(chance.uniform(0.001, 0.05))
            alive()
            drawn = chance.random() if self._world.faults.rates else 1.0
            if drawn < 0.05:
                results.append(Result("temporary", "busy"))
                continue
            self.taken[message.notification_id] += 1
            self.then()
            results.append(Result("open", "no answer") if drawn < 0.1 else OK)
        return results


class House:
    """`contacts`: bodies by (source, id) that were accepted. `refused`: how often a repeat with other content was."""

    def __init__(self, world: World, replicas: Callable[[], int] = lambda: 1) -> None:
        self.world, self.chance = world, world.faults.chance
        self.provider = Provider(world)
        self.accepted: set[tuple[str, str]] = set()
        self.refused = 0
        for name, assemble, settings in (
            ("intake", intake, IntakeSettings.model_construct(**COMMON)),
            ("routing", routing, RoutingSettings.model_construct(**COMMON)),
            ("notify", self._notify, NotifySettings.model_construct(**COMMON)),
            ("sla", sla, SlaSettings.model_construct(**COMMON)),
            ("feedback", _feedback, FeedbackSettings.model_construct(**COMMON, public_url="https://care.example")),
        ):
            world.add(name, assemble, settings, replicas())
        self._newer: set[tuple[str, str]] = set()
        self._talks: dict[str, str] = {}
        world.replicas.watch = self._watch

    def _watch(self, name: str, document: dict[str, Any]) -> None:
        """At no moment of any history is one of these broken."""
        if name == "switchboard_routing.agents":
            _within_capacity(document)
        if name == "switchboard_intake.cases":
            self._in_one_case(document["_id"], document["ix"].get("conversations", ()))
        key, state = (name, str(document["_id"])), document.get("state")
        if isinstance(state, dict) and state.get("newer"):
            self._newer.add(key)
        assert key not in self._newer or (state and state.get("newer")), f"{key} lost what a newer version wrote"

    def _in_one_case(self, case: str, conversations: Sequence[str]) -> None:
        """IN-4: a conversation is in one open case."""
        left = [talk for talk, holder in self._talks.items() if holder == case and talk not in conversations]
        for talk in left:
            del self._talks[talk]
        for talk in conversations:
            assert self._talks.setdefault(talk, case) == case, f"{talk} is in two open cases"

    def _notify(self, core: Core[Any]) -> Parts:
        return notify(core, lambda settings: [self.provider])

    async def pause(self, low: float, high: float) -> None:
        """So many seconds, as people take them. In calm times all are quick: nothing is learnt from waiting."""
        await asyncio.sleep(self.chance.uniform(low, high) * (1.0 if self.world.faults.rates else CALM_PACE))

    # Customers

    async def customers(self, count: int, seconds: float) -> None:
        await asyncio.gather(*(self._customer(number, seconds) for number in range(count)))

    async def _customer(self, number: int, seconds: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, seconds))
        body = self._body(number)
        self.accepted.add((body["source"], body["id"]))
        again = self.chance.choice((0, 0, 1, 2))  # the same again, by whichever way, now or later
        await asyncio.gather(*(self._say(body) for _ in range(1 + (again == 1))))
        if again == 2:
            await asyncio.sleep(self.chance.uniform(0, seconds))
            await self._say(body)
        if self.chance.random() < 0.2:
            await asyncio.sleep(self.chance.uniform(0, seconds))
            await self._say({**body, "revision": 2, "text": body["text"] + " (2)"})

    def _body(self, number: int) -> dict[str, Any]:
        person = self.chance.randrange(8)
        phone = f"+86138001380{person:02d}"
        conversation = f"talk-{person % 3}" if self.chance.random() < 0.5 else None
        customer = {
            "name": f"客户{person}",
            "phone": phone,
            "app_id": f"app-{person}" if self.chance.random() < 0.3 else None,
        }
        return {
            "source": "sim", "id": f"c{number}", "channel": self.chance.choice(("phone", "chat", "app", "sms")),
            "conversation": conversation, "customer": customer, "text": self.chance.choice(TEXTS),
        }  # fmt: skip

    async def _say(self, body: dict[str, Any]) -> None:
        if self.chance.random() < 0.5:
            key = body["conversation"] or f"{body['source']}:{body['id']}"
            self.world.broker.write("contacts.v1", orjson.dumps(body), key.encode())
            return
        while True:
            assert self.world.loop.time() < PATIENCE_S, f"{body['id']} is never taken"
            try:
                await self.world.request("intake", lambda running: _post(running, body))
                return
            except TRANSIENT:
                await asyncio.sleep(self.chance.uniform(0.1, 1.0))
            except (Refused, Problem) as refused:
                if getattr(refused, "status", 0) not in (429, 503):
                    raise
                await asyncio.sleep(1.0)

    # Departments

    async def departments(self) -> None:
        """Each hears of its calls and answers some of them, some twice."""
        heard: set[bytes] = set()
        while True:
            await self.pause(0.2, 1.0)
            for record in [record for topic in ESCALATIONS for record in self.world.broker.records(topic)]:
                headers = dict(record.headers)
                if headers["ce_id"] not in heard and headers["ce_type"] != b"escalation.withdrawn":
                    heard.add(headers["ce_id"])
                    self._reply(orjson.loads(record.value))

    def _reply(self, call: dict[str, Any]) -> None:
        answer = self.chance.choice(("acknowledged", "progress", "refused", "resolved", None))
        body = {name: call[name] for name in ("escalation_id", "case_id", "department")}
        body |= {"id": f"{call['escalation_id']}/{call['level']}", "type": f"escalation.{answer}", "text": "已处理"}
        for _ in range(self.chance.choice((1, 1, 2)) if answer else 0):
            self.world.broker.write("escalation-replies.v1", orjson.dumps(body), call["case_id"].encode())

    # Agents

    async def agents(self, count: int) -> None:
        await asyncio.gather(*(Agent(self, f"Z{number:02d}").work() for number in range(count)))

    def places(self) -> tuple[set[Place], set[Place]]:
        """(case, agent, generation) as agents hold them, and as tickets give them."""
        agents, tickets = self.world.states("routing", "agents"), self.world.states("routing", "tickets")
        held = {
            (place["case_id"], id_, place["generation"])
            for id_, agent in agents.items()
            for place in agent["reservations"]
        }
        busy = {id_: ticket for id_, ticket in tickets.items() if ticket["status"] in ("offered", "assigned")}
        return held, {(id_, ticket["agent_id"], ticket["generation"]) for id_, ticket in busy.items()}

    def unrest(self) -> list[str]:
        """What calm times must bring to its end: cases, tickets and messages."""
        found = self.world.unrest()
        for id_, case in self.world.states("intake", "cases").items():
            if case["status"] not in ("resolved", "closed"):
                found.append(f"case {id_} is {case['status']}")
        for id_, ticket in self.world.states("routing", "tickets").items():
            if ticket["status"] != "done":
                found.append(f"ticket {id_} is {ticket['status']}")
        held, given = self.places()
        found += [f"{id_} holds a place for {case}" for case, id_, _ in sorted(held - given)]
        asking = self.world.states("feedback", "outcomes").items()
        found += [f"case {id_} is still to be asked" for id_, outcome in asking if outcome["ask_at"]]
        for id_, file in self.world.states("notify", "casefiles").items():
            found += [
                f"message {m['template']} of {id_} is {m['state']}" for m in file["messages"] if m["state"] != "unknown"
            ]
        return found


def _feedback(core: Core[Any]) -> Parts:
    return feedback(core, lambda: b"simulated" * 4)


def _within_capacity(document: dict[str, Any]) -> None:
    """At no moment of any history does an agent hold more than he can."""
    agent = document["state"]
    assert len(agent["reservations"]) <= agent["capacity"]["total"], (
        f"{agent['agent_id']} holds {agent['reservations']}"
    )


async def _post(running: Running, body: dict[str, Any]) -> Any:
    cases: Any = running.parts.stores[0]
    return await running.submit(cases, _contact_change(Contact.model_validate(body), cases.rules(), running))


class Agent:
    """Reads assignments.v1 like a desktop does, and answers on work.v1: accepts most offers, resolves most cases."""

    def __init__(self, house: House, agent_id: str) -> None:
        self._id = agent_id
        self._world, self._chance, self._pause = house.world, house.chance, house.pause
        self._read: Counter[Any] = Counter()
        self._known: set[bytes] = set()
        self._said = 0
        self._asked_at: dict[str, float] = {}

    async def work(self) -> None:
        skills = {skill: self._chance.randint(3, 5) for skill in SKILLS}
        profile = {
            "skills": skills,
            "languages": ["zh", "en"],
            "capacity": {"total": self._chance.randint(1, 3)},
            "team": "t",
        }
        self._tell("agent.updated", profile)
        await asyncio.sleep(0.2)
        self._tell("agent.presence", {"state": "online", "readiness": READY})
        while True:
            await self._pause(0.2, 1.0)
            for type_, data in self._news():
                await self._answer(type_, data)
            if not self._world.faults.rates:
                self._finish()
            elif self._chance.random() < 0.03:
                await self._have_a_break()

    def _finish(self) -> None:
        """In calm times nothing is left lying: what is still open is looked up and resolved."""
        for case_id, case in self._world.states("intake", "cases").items():
            lately = self._asked_at.get(case_id, -10.0) > self._world.loop.time() - ASK_AGAIN_S
            if case["agent_id"] == self._id and case["status"] in ("assigned", "in_progress") and not lately:
                self._resolve(case_id)

    def _resolve(self, case_id: str) -> None:
        self._asked_at[case_id] = self._world.loop.time()
        self._do(
            "resolved", case_id, text="已处理", result="已退款", measure="已改进", cause="software", evidence=["日志"]
        )

    def _tell(self, type_: str, data: dict[str, Any]) -> None:
        body = {"agent_id": self._id, "at": wire(self._world.clock()), **data}
        self._world.broker.write("agents.v1", orjson.dumps(body), self._id.encode(), [("ce_type", type_.encode())])

    async def _have_a_break(self) -> None:
        self._tell("agent.presence", {"state": self._chance.choice(("offline", "break"))})
        await self._pause(0.5, 3.0)
        self._tell("agent.presence", {"state": "online", "readiness": READY})

    def _news(self) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for place in self._world.broker.places("assignments.v1"):
            log = self._world.broker.log(place)
            for record in log[self._read[place] :]:
                data, headers = orjson.loads(record.value), dict(record.headers)
                if data.get("agent_id") == self._id and headers["ce_id"] not in self._known:
                    self._known.add(headers["ce_id"])
                    found.append((headers["ce_type"].decode(), data))
            self._read[place] = len(log)
        return found

    async def _answer(self, type_: str, data: dict[str, Any]) -> None:
        calm = not self._world.faults.rates
        if type_ == "case.offered":
            drawn = 0.0 if calm else self._chance.random()
            if drawn < 0.8:
                self._do("accepted", data["case_id"])
            elif drawn < 0.9:
                self._do("declined", data["case_id"])
        elif type_ == "case.assigned":
            await self._pause(0.1, 1.0)
            self._do("responded", data["case_id"], text="您好")
            await self._pause(0.1, 1.0)
            if not calm and self._chance.random() < 0.8:
                self._resolve(data["case_id"])
            if not calm and self._chance.random() < 0.4:
                await self._pause(0, 1)
                self._do("closed", data["case_id"], text="客户已确认")

    def _do(self, verb: str, case_id: str, **more: Any) -> None:
        self._said += 1
        body = {
            "id": f"w{self._said}",
            "agent_id": self._id,
            "case_id": case_id,
            "at": wire(self._world.clock()),
            **more,
        }
        for _ in range(self._chance.choice((1, 1, 1, 2))):
            self._world.broker.write(
                "work.v1", orjson.dumps(body), case_id.encode(), [("ce_type", f"work.{verb}".encode())]
            )
