"""Intake: a contact comes in, a case comes out. Wiring only."""

from services.intake.api import router
from services.intake.domain.auto_close import fire
from services.intake.domain.rules import Rules
from services.intake.handlers import (
    AGENTS,
    CONTACTS,
    WORK,
    agent_updated,
    case_changes,
    colleague_changes,
    contact_received,
    interpret,
    work_done,
)
from services.intake.observe import count_open_cases
from services.intake.settings import Settings
from services.intake.store import CASES, COLLEAGUES, CUSTOMERS, FOLLOWED, Cases, Roster
from shared.bus import Door
from shared.doors import Handlers
from shared.service import Core, Parts, Running, Worker, run
from shared.timers import Timed

READERS = {
    "cases.v1": ("routing", "sla", "feedback", "notify"),
    "work.v1": ("routing",),
    "agents.v1": ("routing",),
    "escalation-replies.v1": ("sla",),
}


def assemble(core: Core[Settings]) -> Parts:
    rules = core.rules(Rules.parse)
    relay = core.relay()
    contacts, changes = contact_received(rules), case_changes(rules, core.metrics)
    enrolments = colleague_changes(core.metrics)
    colleagues = core.store(COLLEAGUES, relay, enrolments)
    cases = core.store_of(Cases, CASES, relay, interpret(contacts, changes))
    cases.customers = core.store(CUSTOMERS, relay, Handlers(core.metrics))
    cases.roster = Roster(colleagues)
    cases.rules = rules

    def workers(running: Running) -> list[Worker]:
        cases.roster.consumer = running.consumer
        return []

    return Parts(
        relay=relay,
        readers=READERS,
        stores=(cases, cases.customers, colleagues),
        doors={
            "contacts.v1": [Door(cases, contacts, CONTACTS)],
            "work.v1": [Door(cases, work_done(changes), WORK)],
            "agents.v1": [Door(colleagues, agent_updated(enrolments), AGENTS)],
            **{topic: [Door(cases, changes)] for topic in FOLLOWED},
        },
        keyed=("work.v1", *FOLLOWED),
        router=lambda running: router(running, cases, rules),
        timed=(Timed(cases, fire),),
        workers=workers,
        rules=(rules,),
        observe=lambda: count_open_cases(cases, core.metrics),
    )


if __name__ == "__main__":
    run("intake", Settings, assemble)
