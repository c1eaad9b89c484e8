"""Work on two cases at once: merge, link, split; and word of a case that was merged. The other case is written first,
under what makes a repeat harmless; then the one that it is about. Broken off in between, the command, or the contact,
comes again and finds the first half done.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from services.intake.change import ContactChange, PairChange, contact_change, deciding
from services.intake.domain.call import of_words
from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.choose_case import Asked, Found, Place, where_it_is
from services.intake.domain.claims import claims
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.customer import Customer, points_of_reach
from services.intake.domain.hear import hear
from services.intake.domain.join import give_up
from services.intake.domain.lifecycle import check
from services.intake.domain.link import is_linked, link_case, linked_from
from services.intake.domain.merge_cases import absorb_case, has_absorbed, in_order, merge_case, whose
from services.intake.domain.roster import unknown_agent
from services.intake.domain.split import SOURCE, contact_of, new_case, open_split, place_of, speaker_of, split
from services.intake.domain.told import Told
from services.intake.domain.understand import understand
from services.intake.finder import Finder, asked
from services.intake.named_case import case_named
from shared.decisions import Decide, Decision, Refused
from shared.events.cases import Reach
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.fold import Change
from shared.ids import contact_event_id, contact_id, named

if TYPE_CHECKING:
    from services.intake.store import Cases


class Pairs:
    def __init__(self, cases: "Cases") -> None:
        self._cases = cases

    async def prepare(self, change: PairChange) -> None:
        """Write the other case, and bind what is left to do into the change. What is refused is so by the change."""
        prepare = {"merged": self._merge, "linked": self._link, "split": self._split}[change.verb]
        try:
            if not await self._cases.roster.knows(change.work.agent_id):
                raise unknown_agent(change.work.agent_id)
            case = await self._case(change.work.case_id, "case_id")
            change.key = case.case_id
            change.decide = await prepare(change, case, change.work.model_copy(update={"case_id": case.case_id}))
        except Refused as refused:
            change.decide = partial(_refuse, refused)

    async def hear(self, contacts: Sequence[ContactChange]) -> None:
        """What is said better of a contact of a merged case is told first to the case that goes on."""
        keys = list({change.key for change in contacts if not change.dry})
        over = await self._cases.load_where({"_id": {"$in": keys}, "ix.merged_into": {"$exists": True}}) if keys else {}
        for change in contacts:
            case = over[change.key].state if change.key in over else None
            if case and (revision := self._news(change, case)):
                await self._hear(change, case, revision)

    def _news(self, change: ContactChange, case: Case) -> int:
        """The newest revision that the case which holds the contact will have seen; 0 if it learns nothing."""
        try:
            after = change.decide(case, self._cases.clock()).state
        except Refused:
            return 0
        seen = after.seen(change.contact_id)
        return seen.revision if seen and after is not case else 0

    async def _hear(self, change: ContactChange, case: Case, revision: int) -> None:
        try:
            while case.merged_into:
                case = await self._case(case.merged_into, "case_id")
            rules = self._cases.rules()
            told = asked(change, rules)
            place = where_it_is(case.case_id, told, await self._found(told))
            decide = deciding(partial(hear, revision=revision), change, place, rules)
            await self._first(Change(case.case_id, decide, named(change.cause, "heard")))
        except Refused as refused:
            change.decide = partial(_refuse, refused)

    async def _merge(self, change: PairChange, case: Case, work: Work) -> Decide[Case]:
        goes_on, ends = in_order(case, await self._case(work.to, "to"))
        change.key = ends.case_id
        if not has_absorbed(goes_on, ends):
            customer_id = whose(goes_on, await self._customer(goes_on), ends, await self._customer(ends))
            absorb = partial(absorb_case, other=ends, customer_id=customer_id, work=work, rules=self._cases.rules())
            await self._first(Change(goes_on.case_id, absorb, named(change.cause, "other")))
        return partial(merge_case, into=goes_on, work=work)

    async def _link(self, change: PairChange, case: Case, work: Work) -> Decide[Case]:
        other = await self._case(work.to, "to")
        if case.case_id != other.case_id:
            back = partial(linked_from, from_=case.case_id, kind="related", by=work.agent_id, why=work.reason or "")
            await self._first(Change(other.case_id, back, named(change.cause, "other")))
        return partial(link_case, other=other, work=work)

    async def _split(self, change: PairChange, case: Case, work: Work) -> Decide[Case]:
        told = await self._told(case, work)
        if not is_linked(case, new_case(work)):
            check(case, "split")
            await self._give_up(change, told.place)
        cause = contact_event_id(SOURCE, told.contact.id, 1)
        opening = partial(open_split, told=told, from_=case, work=work, rules=self._cases.rules())
        return partial(split, into=await self._first(Change(told.place.case_id, opening, cause)), work=work)

    async def _told(self, case: Case, work: Work) -> Told:
        line = await self._line(case, work.contact_id) if work.contact_id else {}
        customer, stranger = await self._speaker(case, line)
        contact, rules = contact_of(case, line, work, stranger), self._cases.rules()
        seen = ContactSeen(id=contact_id(contact.source, contact.id), revision=1, hash=contact_hash(contact))
        understood = understand(contact, rules)
        about = Asked(seen.id, claims=claims(customer, understood))
        place = place_of(case, about, await self._found(about), work)
        return Told(contact, seen, understood, customer, "", place)

    async def _speaker(self, case: Case, line: Mapping[str, Any]) -> tuple[Customer, Reach | None]:
        """Who said it: the case's customer, or a stranger and how he is reached."""
        his, speaker = await self._customer(case), speaker_of(line)
        if not points_of_reach(speaker):
            return his, None
        who = speaker.model_dump()
        said = {"source": SOURCE, "id": line["id"], "channel": line["channel"], "customer": who, "text": "-"}
        change = contact_change(Contact.model_validate(said), self._cases.rules())
        await self._cases.customers.look([change])
        known = change.customer
        return (known, speaker) if known and known.points and known.customer_id != his.customer_id else (his, None)

    async def _found(self, about: Asked) -> Found:
        return await Finder(self._cases.documents, self._cases.rules().joining).find([about], self._cases.clock())

    async def _give_up(self, change: PairChange, place: Place) -> None:
        if names := frozenset(name for _, name in place.given_up):
            await self._first(Change(change.key, partial(give_up, names=names), named(change.cause, "given up")))

    async def _line(self, case: Case, id_: str) -> dict[str, Any]:
        """What a contact of the case said, as its newest revision has it, with the words that came last: a recording
        may follow them. Raises Refused `unknown_contact` (404)."""
        query = {"key": case.case_id, "kind": {"$in": ["contact", "amended"]}}
        lines = await self._cases.timeline.find(query, sort=[("order", -1)]).to_list(None)
        its = [line for line in lines if contact_id(line["data"]["source"], line["data"]["id"]) == id_]
        if not its:
            detail = f"case {case.number} holds no contact {id_}"
            raise Refused("unknown_contact", detail, field="contact_id", status=404)
        words = (line["text"] for line in its if of_words(line["text"], self._cases.rules()))
        return {"text": next(words, its[0]["text"]), **its[0]["data"]}

    async def _case(self, id_: str | None, field: str) -> Case:
        if not id_:
            raise Refused("missing_field", "name the other case in `to`", field=field, status=422)
        return await case_named(self._cases, id_, field=field)

    async def _customer(self, case: Case) -> Customer:
        """Who the customer of a case is by now; somebody without a contact point where nobody is known."""
        known = await self._cases.customers.get(case.customer_id)
        return await self._cases.customers.present(known) if known else Customer(customer_id=case.customer_id)

    async def _first(self, change: Change[Case]) -> Case:
        (outcome,) = await self._cases.apply_only([change])
        if outcome.refused:
            raise outcome.refused
        if outcome.status == "parked" or outcome.state is None:
            raise Refused(
                "parked", f"case {change.key} stands still because of an error of ours", field="to", status=503
            )
        return outcome.state


def _refuse(refused: Refused, state: Any, now: Any) -> Decision[Case]:
    raise refused
