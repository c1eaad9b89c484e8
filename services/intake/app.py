"""Intake: a contact comes in, a case comes out. Wiring only."""

from services.intake.api import router
from services.intake.domain.auto_close import fire
from services.intake.domain.rules import Rules
from services.intake.handlers import CONTACTS, WORK, case_changes, contact_received, interpret, work_done
from services.intake.observe import count_open_cases
from services.intake.settings import Settings
from services.intake.store import CASES, CUSTOMERS, Cases
from shared.bus import Door
from shared.doors import Handlers
from shared.service import Core, Parts, run
from shared.timers import Timed


def assemble(core: Core[Settings]) -> Parts:
    rules = core.rules(Rules.parse)
    relay = core.relay()
    contacts, changes = contact_received(rules), case_changes(rules, core.metrics)
    cases = core.store_of(Cases, CASES, relay, interpret(contacts, changes))
    cases.customers = core.store(CUSTOMERS, relay, Handlers(core.metrics))
    cases.rules = rules
    return Parts(
        relay=relay,
        stores=(cases, cases.customers),
        doors={
            "contacts.v1": [Door(cases, contacts, CONTACTS)],
            "work.v1": [Door(cases, work_done(changes), WORK)],
            "assignments.v1": [Door(cases, changes)],
        },
        keyed=("work.v1", "assignments.v1"),
        router=lambda running: router(running, cases, rules),
        timed=(Timed(cases, fire),),
        rules=(rules,),
        observe=lambda: count_open_cases(cases, core.metrics),
    )


if __name__ == "__main__":
    run("intake", Settings, assemble)
