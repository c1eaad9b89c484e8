"""An outage in many stores at once, as their contacts tell it, and the incident that sla declares (IN-14)."""

import orjson

from services.intake.domain.burst import watch_id
from shared.clock import wire
from shared.events.base import EventData
from shared.events.incidents import IncidentDeclared
from shared.ids import contact_id, event_id, named
from tests.simulation.world import World

OUTAGE = "系统崩溃，上海所有门店无法使用，不能收款"
IDS = [f"outage-{n}" for n in range(12)]
CASES = {named("case", contact_id("stores", id_)) for id_ in IDS}
CRASH = watch_id(("技术故障", "系统故障"))


def say(world: World, id_: str) -> None:
    body = {"source": "stores", "id": id_, "channel": "chat", "text": f"{OUTAGE} {id_}", "customer": {"app_id": id_}}
    world.broker.write("contacts.v1", orjson.dumps(body), f"stores:{id_}".encode())


def declare(world: World, sequence: int, *cases: str) -> None:
    """The incident's word of this number, as sla would write it."""
    give_out(world, "sla", IncidentDeclared(incident_id="i1", title="上海系统中断", cases=cases), "i1", sequence)


def give_out(world: World, service: str, event: EventData, subject: str, sequence: int) -> None:
    """As a service that does not do it yet would."""
    headers = {
        "ce_specversion": "1.0", "ce_id": event_id(event.topic, subject, sequence),
        "ce_source": f"/switchboard/{service}", "ce_type": event.TYPE, "ce_subject": subject,
        "ce_time": wire(world.clock()), "ce_sequence": str(sequence), "content-type": "application/json",
    }  # fmt: skip
    raw = [(name, value.encode()) for name, value in headers.items()]
    world.broker.write(event.topic, event.model_dump_json().encode(), subject.encode(), raw)
