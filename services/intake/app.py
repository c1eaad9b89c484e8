"""Intake: a contact comes in, a case comes out. Wiring only."""

from functools import partial
from typing import Any

from services.intake.api import router, take_in
from services.intake.bursts import BURSTS, WATCHES, Bursts
from services.intake.change import Answer
from services.intake.conversations import CONVERSATIONS, Conversations
from services.intake.customers import CUSTOMERS, Customers
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
    incident_changes,
    interpret,
    knowledge_changes,
    of_cases,
    of_knowledge,
    work_done,
)
from services.intake.handovers import Handovers
from services.intake.help import KNOWLEDGE, Helper, Knowledge
from services.intake.incidents import INCIDENTS, Declared, Incidents
from services.intake.indexer import Indexer
from services.intake.lookup.source import lookups_of
from services.intake.observe import count_open_cases
from services.intake.rechecks import Rechecks
from services.intake.search import Search
from services.intake.settings import Settings
from services.intake.store import CASES, COLLEAGUES, FOLLOWED, Cases, Roster
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
    lookups = lookups_of(core.settings, rules)
    unasked: Handlers[Any] = Handlers(core.metrics)
    watches, bursts = core.store(WATCHES, relay, unasked), core.store(BURSTS, relay, unasked)
    declared = incident_changes(core.metrics)
    incidents = core.store_of(Declared, INCIDENTS, relay, declared)
    contacts = contact_received(rules, Answer() if lookups else None)
    changes = case_changes(rules, core.metrics)
    enrolments = colleague_changes(core.metrics)
    colleagues = core.store(COLLEAGUES, relay, enrolments)
    cases = core.store_of(Cases, CASES, relay, interpret(contacts, changes))
    cases.customers = core.store_of(Customers, CUSTOMERS, relay, Handlers(core.metrics))
    cases.customers.rules = rules
    cases.roster = Roster(colleagues)
    cases.rules = rules
    cases.lookups = lookups
    search, advised = Search(core.database), knowledge_changes(core.metrics)
    approved = core.store(KNOWLEDGE, relay, advised)
    helper = Helper(cases, search, Knowledge(approved, rules), rules)
    cases.archive = helper.prepare
    talks = core.store_of(Conversations, CONVERSATIONS, relay, unasked)
    talks.cases, talks.knowledge, talks.rules = cases, helper.knowledge, rules

    def workers(running: Running) -> list[Worker]:
        cases.roster.consumer = running.consumer
        index = Indexer(core.database, cases, search, running.ownership)
        rechecks = [Rechecks(running, cases, lookups).turn] if lookups else []
        return [
            *rechecks,
            Bursts(running, cases, watches, bursts).turn,
            Incidents(running, incidents, cases).turn,
            Handovers(running, talks, partial(take_in, running, cases, rules)).turn,
            index.run,
        ]

    return Parts(
        relay=relay,
        readers=READERS,
        stores=(cases, cases.customers, colleagues, watches, bursts, incidents, approved, talks),
        doors={
            "contacts.v1": [Door(cases, contacts, CONTACTS)],
            "work.v1": [Door(cases, work_done(changes), WORK)],
            "agents.v1": [Door(colleagues, agent_updated(enrolments), AGENTS)],
            "incidents.v1": [Door(incidents, declared)],
            **{topic: [Door(cases, changes)] for topic in FOLLOWED},
            "feedback.v1": [Door(cases, of_cases(changes)), Door(approved, of_knowledge(advised))],
        },
        keyed=("work.v1", *FOLLOWED),
        router=lambda running: router(running, cases, rules, helper, talks),
        timed=(Timed(cases, fire),),
        workers=workers,
        setup=search.setup,
        rules=(rules,),
        observe=lambda: count_open_cases(cases, core.metrics),
    )


if __name__ == "__main__":
    run("intake", Settings, assemble)
