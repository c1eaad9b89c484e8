"""One contact held two matters (IN-15): the second gets a case of its own, which says where it comes from.

Nothing is moved: the contact stays where it arrived, and the new case is opened by what the agent says of it, or else
by the contact's own words.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.intake.domain.another_matter import ANOTHER_MATTER
from services.intake.domain.case import Case
from services.intake.domain.choose_case import Asked, Found, Place, where_it_is
from services.intake.domain.customer import KINDS
from services.intake.domain.lifecycle import check
from services.intake.domain.link import is_linked, link
from services.intake.domain.open_case import open_case
from services.intake.domain.rules import Rules
from services.intake.domain.told import Told
from services.intake.domain.whose import speaks_for_himself
from shared.decisions import Decision, Note, Refused
from shared.events.cases import Reach
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.ids import named

SOURCE = "switchboard/split"


def new_case(work: Work) -> str:
    """The id of the case that a split opens, the same however often it is asked for."""
    return _case_of(work.case_id, work.contact_id or work.once)


def is_split_off(case: Case, contact_id: str) -> bool:
    """Whether an agent gave the contact a case of its own."""
    return is_linked(case, _case_of(case.case_id, contact_id))


def _case_of(case_id: str, what: str) -> str:
    return named("case", SOURCE, case_id, what)


def speaker_of(line: Mapping[str, Any]) -> Reach:
    """Who a contact said that it was from, as its line of the timeline has it."""
    said, fields = line.get("from", {}), {kind: field for field, kind in KINDS.items()}
    points = (point.partition(":") for point in said.get("points", ()))
    return Reach(name=said.get("name"), **{fields[kind]: value for kind, _, value in points})


def contact_of(case: Case, line: Mapping[str, Any], work: Work, stranger: Reach | None = None) -> Contact:
    """What opens the new case. `line`: the contact's line of the timeline, {} where the agent names none. `stranger`:
    who said it, if that was not the case's customer.

    Raises Refused `missing_field` (422) where nobody says what it is about.
    """
    if not (work.text or line.get("text") or line.get("subject")):
        raise Refused(
            "missing_field", "a split needs `contact_id`, a contact of the case, or `text`, what it is about",
            field="contact_id" if work.contact_id else "text", status=422,
        )  # fmt: skip
    his = {**case.reach.model_dump(), "language": case.language, "tier": case.tier}
    return Contact.model_validate(
        {
            "source": SOURCE,
            "id": new_case(work),
            "channel": line.get("channel") or case.channel,
            "subject": None if work.text else line.get("subject"),
            "text": work.text or line.get("text"),
            "attachments": line.get("attachments", ()),
            "customer": stranger.model_dump() if stranger else his,
        }
    )


def place_of(case: Case, asked: Asked, found: Found, work: Work) -> Place:
    """The new case claims what it is about (IN-4), from the one that it was split from too; not what a third holds."""
    mine = (name for names in asked.claims.values() for name in names if name in case.claims)
    free = where_it_is(case.case_id, asked, found).claims
    return Place(new_case(work), claims=free, given_up=tuple((case.case_id, name) for name in mine))


def open_split(
    state: Case | None, now: datetime, *, told: Told, from_: Case, work: Work, rules: Rules
) -> Decision[Case]:
    if state is not None:
        return Decision(state)
    opened = open_case(now, told=told, rules=rules)
    case = opened.state
    if speaks_for_himself(from_, told):
        case = case.changed(opened_from=from_.opened_from)
    after, linked = link(case, from_.case_id, "split", by=work.agent_id, why=work.reason or "")
    return Decision(after, (*opened.events, linked), opened.note)


def split(state: Case | None, now: datetime, *, into: Case, work: Work) -> Decision[Case]:
    """The old case points to the new one and goes on with the rest."""
    assert state is not None, "it was there when the split was asked for"
    if is_linked(state, into.case_id):
        return Decision(state)
    check(state, "split")
    after, linked = link(state, into.case_id, "related", by=work.agent_id, why=work.reason or "split off")
    after = after.changed(flags=tuple(flag for flag in after.flags if flag != ANOTHER_MATTER))
    note = Note(now, "split", work.agent_id, work.reason or work.text or "", {"to": into.case_id})
    return Decision(after, (linked,), note)
