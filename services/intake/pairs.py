"""Work on two cases at once: merge, link, split. The other case is written first, under what makes a repeat harmless;
then the one that the command is about. Broken off in between, the command comes again and finds the first half done.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from services.intake.change import PairChange
from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.choose_case import Place
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.lifecycle import check
from services.intake.domain.link import is_linked, link_case, linked_from
from services.intake.domain.merge_cases import absorb_case, in_order, merge_case
from services.intake.domain.roster import unknown_agent
from services.intake.domain.split import SOURCE, contact_of, new_case, open_split, split
from services.intake.domain.told import Told
from services.intake.domain.understand import understand
from shared.decisions import Decide, Decision, Refused
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
            change.decide = await prepare(change, change.work)
        except Refused as refused:
            change.decide = partial(_refuse, refused)

    async def _merge(self, change: PairChange, work: Work) -> Decide[Case]:
        goes_on, ends = in_order(await self._case(work.case_id, "case_id"), await self._case(work.to, "to"))
        change.key = ends.case_id
        absorb = partial(absorb_case, other=ends, work=work, rules=self._cases.rules())
        await self._first(Change(goes_on.case_id, absorb, named(change.cause, "other")))
        return partial(merge_case, into=goes_on, work=work)

    async def _link(self, change: PairChange, work: Work) -> Decide[Case]:
        case, other = await self._case(work.case_id, "case_id"), await self._case(work.to, "to")
        if case.case_id != other.case_id:
            back = partial(linked_from, from_=case.case_id, kind="related", by=work.agent_id, why=work.reason or "")
            await self._first(Change(other.case_id, back, named(change.cause, "other")))
        return partial(link_case, other=other, work=work)

    async def _split(self, change: PairChange, work: Work) -> Decide[Case]:
        case = await self._case(work.case_id, "case_id")
        if not is_linked(case, new_case(work)):
            check(case, "split")
        told = await self._told(case, work)
        cause = contact_event_id(SOURCE, told.contact.id, 1)
        opening = partial(open_split, told=told, from_=case, work=work, rules=self._cases.rules())
        return partial(split, into=await self._first(Change(told.place.case_id, opening, cause)), work=work)

    async def _told(self, case: Case, work: Work) -> Told:
        contact = contact_of(case, await self._line(case, work.contact_id) if work.contact_id else {}, work)
        seen = ContactSeen(id=contact_id(contact.source, contact.id), revision=1, hash=contact_hash(contact))
        customer = await self._cases.customers.get(case.customer_id)
        return Told(contact, seen, understand(contact, self._cases.rules()), customer, "", Place(new_case(work)))

    async def _line(self, case: Case, id_: str) -> dict[str, Any]:
        """What a contact of the case said, as its newest revision has it. Raises Refused `unknown_contact` (404)."""
        query = {"key": case.case_id, "kind": {"$in": ["contact", "amended"]}}
        lines = await self._cases.timeline.find(query, sort=[("order", -1)]).to_list(None)
        for line in lines:
            said = line["data"]
            if contact_id(said["source"], said["id"]) == id_:
                return {"text": line["text"], **said}
        raise Refused("unknown_contact", f"case {case.number} holds no contact {id_}", field="contact_id", status=404)

    async def _case(self, id_: str | None, field: str) -> Case:
        if not id_:
            raise Refused("missing_field", "name the other case in `to`", field=field, status=422)
        case = await self._cases.get(id_)
        if case is None:
            raise Refused("unknown_case", f"there is no case {id_}", field=field, status=404)
        return case

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
