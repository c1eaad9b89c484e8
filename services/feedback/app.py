"""Feedback: what customers say when it is over comes back as improvement. Wiring only."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from services.feedback.api import router
from services.feedback.domain.ask import fire
from services.feedback.domain.outcome import CaseOutcome
from services.feedback.domain.rules import Rules
from services.feedback.handlers import case_changes
from services.feedback.observe import count_answers
from services.feedback.settings import Settings
from services.feedback.store import OUTCOMES, Outcomes, Secret, fresh_secret
from shared.bus import Door
from shared.decisions import Decision
from shared.service import Core, Parts, run
from shared.timers import Timed

TOPICS = ("cases.v1", "assignments.v1", "sla.v1", "notifications.v1")
READERS = {"feedback.v1": ("intake", "notify")}


def assemble(core: Core[Settings], fresh: Callable[[], bytes] = fresh_secret) -> Parts:
    rules = core.rules(Rules.parse)
    relay = core.relay()
    changes = case_changes(rules, core.metrics)
    outcomes = core.store_of(Outcomes, OUTCOMES, relay, changes)
    secret = Secret(core.database, core.settings.public_url, fresh)

    def ask(state: CaseOutcome | None, now: datetime) -> Decision[CaseOutcome]:
        return fire(state, now, rules=rules(), link=secret.links.url)

    return Parts(
        relay=relay,
        readers=READERS,
        stores=(outcomes,),
        doors={topic: [Door(outcomes, changes)] for topic in TOPICS},
        keyed=TOPICS,
        router=lambda running: router(running, outcomes, secret, rules),
        after=partial(count_answers, core.metrics),
        timed=(Timed(outcomes, ask),),
        rules=(rules,),
        setup=secret.setup,
    )


if __name__ == "__main__":
    run("feedback", Settings, assemble)
