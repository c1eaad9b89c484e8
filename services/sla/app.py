"""SLA: the promise is kept, or someone knows before it breaks. Wiring only."""

from datetime import datetime

from services.sla.api import router
from services.sla.domain.fire import fire
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Watch
from services.sla.handlers import REPLIES, watch_changes
from services.sla.observe import Observer
from services.sla.settings import Settings
from services.sla.store import WATCHES, Watches
from shared.bus import Door
from shared.decisions import Decision
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.service import Core, Parts, run
from shared.timers import Timed

READERS = {
    "sla.v1": ("intake", "feedback", "notify"),
    **dict.fromkeys(ESCALATIONS, ("intake", "notify")),
    "incidents.v1": ("intake",),
}


def assemble(core: Core[Settings]) -> Parts:
    rules = core.rules(Rules.parse)
    relay = core.relay()
    changes = watch_changes(rules, core.metrics)
    watches = core.store_of(Watches, WATCHES, relay, changes)
    observer = Observer(watches, rules, core.metrics, core.clock)

    def fire_by_rules(state: Watch | None, now: datetime) -> Decision[Watch]:
        return fire(state, now, rules=rules())

    return Parts(
        relay=relay,
        readers=READERS,
        stores=(watches,),
        doors={
            "cases.v1": [Door(watches, changes)],
            "assignments.v1": [Door(watches, changes)],
            "escalation-replies.v1": [Door(watches, changes, REPLIES)],
        },
        keyed=("cases.v1", "assignments.v1", "escalation-replies.v1"),
        router=lambda running: router(running, watches, rules),
        after=observer.count_ends,
        timed=(Timed(watches, fire_by_rules),),
        rules=(rules,),
        observe=observer.observe,
    )


if __name__ == "__main__":
    run("sla", Settings, assemble)
