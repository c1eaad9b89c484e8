"""Routing: the case finds the right person. Wiring only."""

from services.routing.api import router
from services.routing.desk import WAKEUPS, Desk, LastLook
from services.routing.domain.offer import fire
from services.routing.domain.rules import Rules
from services.routing.handlers import AGENTS as AGENTS_IN
from services.routing.handlers import WORK, agent_changes, ticket_changes, work_done
from services.routing.settings import Settings
from services.routing.store import AGENTS, TICKETS, Agents, Tickets
from shared.bus import Door
from shared.service import Core, Parts, Running, run
from shared.service import Worker as Work
from shared.timers import Timed

READERS = {
    "assignments.v1": ("intake", "sla", "feedback", "notify"),
    "contacts.v1": ("intake",),
    "work.v1": ("intake",),
    "agents.v1": ("intake",),
}


def assemble(core: Core[Settings]) -> Parts:
    rules = core.rules(Rules.parse)
    relay = core.relay()
    estimates = LastLook()
    ticket_doors, agent_doors = ticket_changes(rules, core.metrics, estimates), agent_changes(rules, core.metrics)
    tickets = core.store_of(Tickets, TICKETS, relay, ticket_doors)
    agents = core.store_of(Agents, AGENTS, relay, agent_doors)
    desk = Desk(tickets, agents, rules, estimates, producer=core.producer, metrics=core.metrics, clock=core.clock)

    def workers(running: Running) -> list[Work]:
        desk.own(running.ownership)
        return [desk.run, desk.sweep]

    return Parts(
        relay=relay,
        readers=READERS,
        stores=(tickets, agents),
        doors={
            "cases.v1": [Door(tickets, ticket_doors)],
            "work.v1": [Door(tickets, work_done(ticket_doors), WORK)],
            "agents.v1": [Door(agents, agent_doors, AGENTS_IN)],
        },
        keyed=("cases.v1", "work.v1"),
        signals={WAKEUPS: desk.wake},
        router=lambda running: router(running, tickets, agents, desk, rules),
        after=desk.after,
        timed=(Timed(tickets, fire),),
        workers=workers,
        rules=(rules,),
    )


if __name__ == "__main__":
    run("routing", Settings, assemble)
