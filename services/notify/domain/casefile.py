"""Notify's view of a case: whom to tell, what is still to be told, and what became of what was told."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.events.cases import Reach

KEEP_FINISHED = 20
REMEMBER_TOLD = 500
MOST_ESCALATIONS = 50
MOST_WAITING = 20 * 1024
"""Bytes of messages that wait; a provider that is away for days must not make a document of more than 64 KiB."""
BESIDE_WORDS = 700
"""Bytes of a message that are not its text."""

Unfinished = Literal["queued", "sending", "unknown"]
Outcome = Literal["sent", "failed", "suppressed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Message(_Part):
    """A message whose end is open.

    queued: waits until `next_at`. sending: a process (`taken_by`) has it until `next_at`, the end of its lease.
    unknown: nobody can say whether the provider took it; only a person, or a late answer, settles it.

    `attempt` counts every hand-over and guards against the answers of the dead. `tries` counts those that the present
    provider answered badly. `open`: an earlier attempt may have been taken by `provider`, so no other may be asked.
    `about`: what a later fact may make untrue before it is sent (a target, a level, a survey).
    """

    id: str
    template: str
    template_version: int
    channel: str
    to: str
    language: str
    subject: str
    text: str
    cause: str
    about: str = ""
    state: Unfinished = "queued"
    attempt: int = 0
    tries: int = 0
    provider: str = ""
    open: bool = False
    taken_by: str = ""
    taken_at: datetime | None = None
    next_at: datetime | None = None
    why: str = ""

    @property
    def untouched(self) -> bool:
        """No provider can have it."""
        return self.state == "queued" and not self.open


class Finished(_Part):
    """What stays of a message in the document; its words are in the delivery log."""

    id: str
    template: str
    template_version: int
    channel: str
    state: Outcome
    attempt: int
    provider: str
    at: datetime
    why: str = ""


class Escalation(_Part):
    """An open one, and the level on which it stands."""

    id: str
    level: int


class Upset(_Part):
    """How the customer feels, and the words that say so. `cause`: the event that told it."""

    label: str
    words: tuple[str, ...] = ()
    cause: str


class Casefile(_Part):
    """`messages` are in the order in which each recipient is told; `told` holds the newest ids ever given.

    `agent_id`, `supervisor`, `pool`: who has the case now. `introduced`: the agent whom the customer knows.
    `unannounced`: our own call opened the case, and its customer was not told its number yet.
    `escalations`: the open ones that he hears of as such, the newest last. `upset`: a warning that waits until somebody
    has the case; `warned`: the degrees of which there was or is to be one.
    """

    case_id: str
    number: str
    customer: str = ""
    language: str = ""
    reach: Reach = Reach()
    channel: str = ""
    agent_id: str = ""
    supervisor: str = ""
    pool: str = ""
    introduced: str = ""
    drill: bool = False
    unannounced: bool = False
    escalations: tuple[Escalation, ...] = ()
    upset: Upset | None = None
    warned: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    finished: tuple[Finished, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def is_full(self) -> bool:
        return sum(len(m.text.encode()) + BESIDE_WORDS for m in self.messages) > MOST_WAITING

    @property
    def highest_level(self) -> int:
        """Of the open escalations; 0 without any."""
        return max((e.level for e in self.escalations), default=0)

    def stands(self, escalation_id: str, level: int) -> "Casefile":
        """On level 0 it is over."""
        others = tuple(e for e in self.escalations if e.id != escalation_id)
        mine = (Escalation(id=escalation_id, level=level),) if level else ()
        return self.model_copy(update={"escalations": (*others, *mine)[-MOST_ESCALATIONS:]})

    def stands_at_most(self, escalation_id: str, level: int) -> "Casefile":
        known = next((e.level for e in self.escalations if e.id == escalation_id), 0)
        return self.stands(escalation_id, level) if known > level else self

    def message(self, id_: str) -> Message | None:
        return next((m for m in self.messages if m.id == id_), None)

    def was_told(self, id_: str) -> bool:
        return id_ in self.told

    def plus(self, message: Message) -> "Casefile":
        return self._remember(message.id).model_copy(update={"messages": (*self.messages, message)})

    def changed(self, message: Message) -> "Casefile":
        return self.model_copy(update={"messages": tuple(message if m.id == message.id else m for m in self.messages)})

    def finish(self, message: Message, state: Outcome, now: datetime, *, why: str = "") -> "Casefile":
        """The message leaves the list with its words; the newest outcomes stay."""
        end = Finished(
            id=message.id,
            template=message.template,
            template_version=message.template_version,
            channel=message.channel,
            state=state,
            attempt=message.attempt,
            provider=message.provider,
            at=now,
            why=why,
        )
        return self._remember(message.id).model_copy(
            update={
                "messages": tuple(m for m in self.messages if m.id != message.id),
                "finished": (*self.finished, end)[-KEEP_FINISHED:],
            }
        )

    def _remember(self, id_: str) -> "Casefile":
        if id_ in self.told:
            return self
        return self.model_copy(update={"told": (*self.told, id_)[-REMEMBER_TOLD:]})


def merged(known: Reach, newer: Reach) -> Reach:
    """Every way to reach the customer; what was given last wins."""
    return known.model_copy(update={k: v for k, v in newer.model_dump().items() if v})
