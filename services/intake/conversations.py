"""Conversations with self-service: kept while they go on, and until what was handed over is in its case."""

from collections.abc import Awaitable, Callable
from functools import partial

from services.intake.domain.ask import Asked, Conversation, Known, decide_ask, forget_at, settle, waits_since
from services.intake.domain.case import Case
from services.intake.domain.customer import point_of
from services.intake.domain.identify import identify
from services.intake.domain.lifecycle import OPEN
from services.intake.domain.order_state import ORDER, OrderState, order_asked_for, order_state
from services.intake.domain.rules import Rules
from services.intake.help import Knowledge
from services.intake.lookup.look import Query
from services.intake.store import Cases
from shared.events.contacts import Contact
from shared.fold import Change
from shared.ids import named
from shared.rules import Rules as Live
from shared.service import Running
from shared.store import Shape, Store

CONVERSATIONS = Shape(
    "conversations",
    Conversation,
    index=lambda talk: {"forget_at": forget_at(talk), "waits_since": waits_since(talk)},
    indexes=(("waits_since",),),
)
SHOWN_OPEN = [*OPEN, "resolved"]
MOST_LOOKED_AT = 50


class Conversations(Store[Conversation]):
    cases: Cases
    knowledge: Knowledge
    rules: Live[Rules]

    async def setup(self) -> None:
        await super().setup()
        await self.documents.create_index([("ix.forget_at", 1)], name="forget", expireAfterSeconds=0)

    async def ask(self, running: Running, asked: Asked, once: str) -> Conversation:
        """What was said is taken in and answered, once for the same `once`."""
        key = named("conversation", asked.source, asked.conversation)
        library = await self.knowledge.library()
        known = Known(library, await self.own_cases(asked), await self.own_order(asked))
        decide = partial(decide_ask, asked=asked, known=known, rules=self.rules())
        outcome = await running.submit(self, Change(key, decide, cause=named("asked", key, once), once=once))
        talk: Conversation | None = outcome.state
        assert talk is not None, "whatever is said leaves a conversation"
        return talk

    async def settle(
        self, running: Running, talk: Conversation, take: Callable[[Contact], Awaitable[Case]]
    ) -> Conversation:
        """What waits goes to its case, in order; then the conversation knows that it is there. Returns it as it was,
        with its case."""
        if not talk.waiting:
            return talk
        for contact in talk.waiting.values():
            case = await take(contact)
        key = named("conversation", talk.source, talk.conversation)
        decide = partial(settle, settled=frozenset(talk.waiting), case=case)
        outcome = await running.submit(self, Change(key, decide, cause=named("settled", key, talk.said)))
        settled: Conversation = outcome.state or talk  # somebody may have said more by then
        return talk.model_copy(update={"case_id": settled.case_id, "number": settled.number})

    def _points(self, asked: Asked) -> tuple[str, ...]:
        """By which the asker's channel vouches for who he is."""
        rules = self.rules()
        said = asked.customer.model_dump(exclude_none=True)
        kinds = rules.ask.vouched_for.get(asked.channel or rules.ask.channel, ())
        points = (point_of(kind, said[kind], rules, source=asked.source) for kind in kinds if said.get(kind))
        return tuple(point for point in points if point and not rules.joining.is_shared(point))

    async def own_order(self, asked: Asked) -> OrderState | None:
        """What the customer system says of the order that he asks for; None where nobody can be asked for him."""
        number, points, lookups = order_asked_for(asked.text, self.rules()), self._points(asked), self.cases.lookups
        if not (number and points and lookups) or await self._of_several(points):
            return None
        (found,) = await lookups.ask([Query({ORDER: number}, points)])
        return order_state(number, found)

    async def _of_several(self, points: tuple[str, ...]) -> bool:
        """Whether others than the asker are known by them."""
        known = await self.cases.customers.who_have(points)
        return len(known) > 1 or any(one.anybody for one in known)

    async def own_cases(self, asked: Asked) -> list[Case]:
        """The open cases of the asker, the newest first: those that somebody opened who stated what his channel
        vouches for. That he is their customer may rest on what he merely stated."""
        points = frozenset(self._points(asked))
        who = await self._who(asked, points)
        if not who:
            return []
        ids = list(await self.cases.customers.everyone_who_is(who))
        query = {"ix.customer": {"$in": ids}, "ix.status": {"$in": SHOWN_OPEN}}
        found = await self.cases.find(query, sort=[("ix.opened_at", -1)], limit=MOST_LOOKED_AT)
        return [case for case in found if not points.isdisjoint(case.opened_from)]

    async def _who(self, asked: Asked, points: frozenset[str]) -> str:
        """Whom these points mean, if nobody else has them; else ""."""
        found = [one for one in await self.cases.customers.who_have(list(points)) if not one.anybody]
        if len(found) != 1:
            return ""
        known = dict.fromkeys(points, found)
        meant = identify(tuple(points), asked.customer.name, known, "", self.rules(), points)
        return meant.customer_id if meant.customer_id == found[0].customer_id else ""
