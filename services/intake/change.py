"""Changes whose documents have to be found first: a contact on its way to its case, work on two cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.found import Found
from services.intake.domain.receive import receive
from services.intake.domain.rules import Rules
from services.intake.domain.understand import Understanding, understand
from services.intake.domain.verify import verified
from shared.decisions import Decide, Decision
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.fold import Change
from shared.ids import contact_event_id, contact_id, named


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer system said of the facts that it was `asked` about; `found` is None if it said nothing yet."""

    asked: Mapping[str, str] = field(default_factory=dict)
    found: Found | None = None


@dataclass(slots=True)
class ContactChange(Change[Case]):
    """`customer` and `understood` are found on the way; `dry`: nothing may be written for it.

    `answer`: of the customer system, None where there is none.
    """

    contact: Contact = field(kw_only=True)
    contact_id: str = field(kw_only=True)
    customer: Customer | None = None
    understood: Understanding | None = None
    answer: Answer | None = None
    dry: bool = False
    own: str | None = None
    """The case that held it when that was looked up last, "" for none, None where nobody looked since."""

    def together(self) -> str:
        """Contacts of one conversation or thread, whose case only the first of them makes known."""
        return self.contact.conversation or contact_id(self.contact.source, self.contact.thread)

    def read(self, rules: Rules) -> Understanding:
        """What it says; read once, however often its case is looked for."""
        self.understood = self.understood or understand(self.contact, rules)
        return self.understood


PAIRS = frozenset({"merged", "linked", "split"})
"""Verbs that change two cases."""


@dataclass(slots=True)
class PairChange(Change[Case]):
    work: Work = field(kw_only=True)
    verb: str = field(kw_only=True)


def paired(change: Change[Case], work: Work, verb: str) -> Change[Case]:
    if verb not in PAIRS:
        return change
    return PairChange(**{f.name: getattr(change, f.name) for f in fields(Change)}, work=work, verb=verb)


def contact_change(contact: Contact, rules: Rules, **more: Any) -> ContactChange:
    """The change a contact asks for. Its case and customer are found later; as it stands it opens a case of its own."""
    identity = contact_id(contact.source, contact.id)
    cause = contact_event_id(contact.source, contact.id, contact.revision)
    change = ContactChange(key="", decide=_nowhere, cause=cause, contact=contact, contact_id=identity, **more)
    address(change, Place(own_case(change)), rules)
    return change


def own_case(change: ContactChange) -> str:
    """The id of the case that the contact opens."""
    return named("case", change.contact_id)


def address(change: ContactChange, place: Place, rules: Rules) -> None:
    """Send a contact to a case."""
    change.key = place.case_id
    change.decide = deciding(receive, change, place, rules)


def deciding(takes: Callable[..., Decision[Case]], change: ContactChange, place: Place, rules: Rules) -> Decide[Case]:
    """What a case does with a contact (`receive`, `hear`), with the answer of the customer system."""
    decide: Decide[Case] = partial(
        takes,
        contact=change.contact,
        contact_id=change.contact_id,
        place=place,
        customer=change.customer,
        rules=rules,
        understood=change.understood,
    )
    answer = change.answer
    return partial(verified, decide=decide, asked=answer.asked, found=answer.found, rules=rules) if answer else decide


def _nowhere(state: Any, now: Any) -> Any:
    raise RuntimeError("a contact has to be addressed before it is decided on")
