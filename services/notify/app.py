"""Notify: everyone knows where things stand. Wiring only."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from services.notify.api import router
from services.notify.delivery import Delivery
from services.notify.domain.rules import Rules
from services.notify.handlers import case_changes
from services.notify.providers.base import Provider
from services.notify.providers.local import LocalProvider
from services.notify.providers.smtp import Server, SmtpProvider
from services.notify.settings import Settings
from services.notify.store import CASEFILES, READS
from shared.bus import Door
from shared.rules import Rules as Live
from shared.service import Core, Parts, run

log = logging.getLogger(__name__)
READERS = {"notifications.v1": ("feedback",)}
STAFF_UNTOLD = (
    "staff are told nothing: set SWITCHBOARD_SMTP_STAFF_DOMAIN (with SWITCHBOARD_SMTP_HOST) or SWITCHBOARD_OUTBOX"
)


def providers(settings: Settings) -> list[Provider]:
    """Those that the settings set up."""
    found: list[Provider] = []
    if settings.outbox:
        found.append(LocalProvider(settings.outbox))
    if settings.smtp_host:
        found.append(SmtpProvider(_server(settings)))
    return found


def _server(settings: Settings) -> Server:
    return Server(
        host=settings.smtp_host or "",
        port=settings.smtp_port,
        sender=settings.smtp_from or "",
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        starttls=settings.smtp_starttls,
        staff_domain=settings.smtp_staff_domain or "",
    )


def assemble(core: Core[Settings], set_up: Callable[[Settings], Sequence[Provider]] = providers) -> Parts:
    carriers = set_up(core.settings)
    names = [carrier.name for carrier in carriers]
    for_staff = [carrier.name for carrier in carriers if carrier.reaches_staff]
    rules = core.rules(lambda documents: Rules.parse(documents).limited_to(names, for_staff=for_staff))
    relay = core.relay()
    changes = case_changes(rules, core.metrics)
    files = core.store(CASEFILES, relay, changes)
    me = core.nonces() if core.nonces else uuid4().hex
    delivery = Delivery(files, carriers, rules, core.metrics, me=me)
    return Parts(
        relay=relay,
        readers=READERS,
        stores=(files,),
        doors={topic: [Door(files, changes)] for topic in READS},
        keyed=READS,
        router=lambda running: router(running, files, rules),
        after=delivery.after,
        workers=lambda running: [partial(delivery.run, running.ownership)],
        rules=(rules,),
        setup=partial(say_whether_staff_are_told, rules),
    )


async def say_whether_staff_are_told(rules: Live[Rules]) -> None:
    """Once the service is set up: a backbone that reminds nobody must not look healthy."""
    if not rules().reaches_staff:
        log.warning(STAFF_UNTOLD)


if __name__ == "__main__":
    run("notify", Settings, assemble)
