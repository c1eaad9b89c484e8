"""Two cases that are one, and one that is two, through the store: what comes later finds its case (IN-4, IN-15)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.intake.change import PairChange, contact_change
from services.intake.domain.case import Case
from services.intake.store import Cases
from shared.decisions import Refused
from shared.errors import Transient
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.fold import Outcome
from shared.ids import contact_id
from tests.simulation.scheduler import run
from tests.simulation.test_customers import intake

PHONE = {"phone": "+8613800138000"}
Story = Callable[[], Awaitable[None]]


class Everybody:
    """A roster on which all are."""

    async def knows(self, _: str) -> bool:
        return True


async def house() -> tuple[Cases, Any]:
    cases, database = await intake()
    roster: Any = Everybody()
    cases.roster = roster
    return cases, database


async def say(cases: Cases, id_: str, text: str, revision: int = 1, **customer: str) -> Case:
    said = {"source": "mail", "id": id_, "channel": "email", "text": text, "revision": revision}
    return await take(cases, {**said, "customer": customer or PHONE})


async def take(cases: Cases, said: dict[str, Any]) -> Case:
    contact = Contact.model_validate(said)
    (outcome,) = await cases.apply([contact_change(contact, cases.rules())], recorded=True)
    assert outcome.state is not None
    return outcome.state


async def work(cases: Cases, verb: str, case: str, **more: Any) -> Outcome[Case]:
    done = Work.model_validate({"id": f"{verb}-{case}", "agent_id": "Z01", "case_id": case, **more})
    change = PairChange(case, _undecided, f"work-{verb}-{case}", work=done, verb=verb)
    (outcome,) = await cases.apply([change])
    return outcome


def _undecided(state: Any, now: Any) -> Any:
    raise AssertionError("what two cases are asked for is bound when both are there")


async def of(cases: Cases, case: Case) -> Case:
    found = await cases.get(case.case_id)
    assert found is not None
    return found


async def writes(cases: Cases, case: Case) -> int:
    return (await cases.load([case.case_id]))[case.case_id].version


async def merged(cases: Cases) -> tuple[Case, Case]:
    """The case that goes on and the one that ended, whose contact was `2`."""
    one, other = await say(cases, "1", "发票抬头错了"), await say(cases, "2", "系统有点慢")
    assert one.case_id != other.case_id
    outcome = await work(cases, "merged", one.case_id, to=other.number)
    assert outcome.refused is None
    ends = outcome.key
    goes_on = next(case for case in (one, other) if case.case_id != ends)
    return await of(cases, goes_on), await of(cases, await said_by(cases, ends))


async def said_by(cases: Cases, case_id: str) -> Case:
    found = await cases.get(case_id)
    assert found is not None
    return found


def test_IN_15_two_cases_are_merged_by_their_numbers_as_an_agent_sees_them() -> None:
    async def story() -> None:
        cases, _ = await house()
        one, other = await say(cases, "1", "发票抬头错了"), await say(cases, "2", "退款没到账")
        outcome = await work(cases, "merged", one.number.lower().replace("-", ""), to=other.number)
        assert outcome.refused is None
        assert {(await of(cases, one)).merged_into, (await of(cases, other)).merged_into} & {one.case_id, other.case_id}

    run(story, seed=1)


def test_IN_15_a_number_that_no_case_has_is_refused_with_its_field() -> None:
    async def story() -> None:
        cases, _ = await house()
        one = await say(cases, "1", "发票抬头错了")
        outcome = await work(cases, "merged", one.case_id, to="0000-0000")
        refused = outcome.refused
        assert isinstance(refused, Refused)
        assert (refused.code, refused.status, refused.field) == ("unknown_case", 404, "to")

    run(story, seed=1)


def test_IN_15_cases_of_two_customers_are_merged_once_the_customers_are_one() -> None:
    async def story() -> None:
        cases, _ = await house()
        one = await say(cases, "1", "发票抬头错了", app_id="u1")
        other = await say(cases, "2", "退款没到账", app_id="u2")
        refused = (await work(cases, "merged", one.case_id, to=other.case_id)).refused
        assert refused is not None
        assert refused.code == "two_customers"
        await say(cases, "3", "你好", app_id="u1", phone=PHONE["phone"])
        await say(cases, "4", "你好", app_id="u2", phone=PHONE["phone"])
        assert len(await cases.customers.everyone_who_is(one.customer_id)) > 1
        assert (await work(cases, "merged", one.case_id, to=other.case_id)).refused is None

    run(story, seed=1)


def test_IN_15_what_is_said_better_of_a_contact_of_a_merged_case_is_known_to_the_one_that_goes_on() -> None:
    async def story() -> None:
        cases, _ = await house()
        goes_on, ends = await merged(cases)
        (contact,) = (id_ for id_ in ("1", "2") if ends.seen(contact_id("mail", id_)))
        await say(cases, contact, "门店全部瘫痪，系统崩溃，订单 A20261121-553", revision=2)
        after, over = await of(cases, goes_on), await of(cases, ends)
        assert (after.facts["order"], after.priority) == ("A20261121-553", "P0")
        assert (after.latest or "").startswith("门店全部瘫痪")
        assert [seen.revision for seen in over.contacts] == [2], "the contact itself stays where it arrived"
        assert (over.status, over.links) == ("closed", ())
        asks_again = await say(cases, "3", "订单 A20261121-553 怎么样了")
        assert asks_again.case_id == goes_on.case_id, "what it is about leads there from then on"

    run(story, seed=1)


def test_IN_10_the_words_of_a_call_that_was_merged_reach_the_case_that_goes_on_though_a_later_form_came_first() -> None:
    async def story() -> None:
        cases, _ = await house()
        said = {"source": "cti", "id": "call", "channel": "phone", "conversation": "call", "customer": PHONE}
        one, other = await say(cases, "1", "发票抬头错了"), await say(cases, "2", "退款一直没到账，请尽快退款")
        call = await take(
            cases, {**said, "subject": "来电", "revision": 9, "voice": {"recording": "https://x.example/r"}}
        )
        assert call.case_id not in (one.case_id, other.case_id)
        await work(cases, "merged", one.case_id, to=call.case_id)
        await take(cases, {**said, "subject": "来电", "text": "订单 A20261121-553 没收到", "revision": 5})
        assert (await of(cases, one)).facts["order"] == "A20261121-553"

    run(story, seed=1)


def test_IN_15_a_repeat_of_what_a_merged_case_holds_tells_the_other_nothing() -> None:
    async def story() -> None:
        cases, _ = await house()
        goes_on, ends = await merged(cases)
        (contact, text) = next(
            c for c in (("1", "发票抬头错了"), ("2", "系统有点慢")) if ends.seen(contact_id("mail", c[0]))
        )
        await say(cases, contact, text)
        assert await of(cases, goes_on) == goes_on

    run(story, seed=1)


class DiesAt:
    """The write of cases at which the process dies, once."""

    def __init__(self, cases: Any, number: int) -> None:
        self._cases, self._left = cases, number
        cases.before = self

    async def __call__(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Transient("the process dies here")
        self._cases.before = self


@pytest.mark.parametrize("death", [0, 1])
def test_IN_15_a_death_between_both_writes_of_a_better_word_loses_nothing(death: int) -> None:
    async def story() -> None:
        cases, database = await house()
        goes_on, ends = await merged(cases)
        (contact,) = (id_ for id_ in ("1", "2") if ends.seen(contact_id("mail", id_)))
        better = "订单 A20261121-553 全部瘫痪"
        DiesAt(database.collections["cases"], death)
        with pytest.raises(Transient):
            await say(cases, contact, better, revision=2)
        database.collections["cases"].before = None
        known = "order" in (await of(cases, goes_on)).facts
        assert known == bool(death)
        before = await writes(cases, goes_on)
        await say(cases, contact, better, revision=2)
        assert await writes(cases, goes_on) - before == 1 - death, "it is told once"
        after, over = await of(cases, goes_on), await of(cases, ends)
        assert (after.facts["order"], [seen.revision for seen in over.contacts]) == ("A20261121-553", [2])

    run(story, seed=1)


def test_IN_15_what_a_case_was_split_for_leads_to_the_new_case_from_then_on() -> None:
    async def story() -> None:
        cases, _ = await house()
        old = await say(cases, "1", "退款一直没到账，请尽快退款")
        await work(cases, "split", old.case_id, text="发票抬头错了，订单 B20261121-001")
        (new,) = [case for case in await cases.find({}, limit=0) if case.case_id != old.case_id]
        assert len(new.claims) == 2
        assert (await say(cases, "2", "发票抬头什么时候改好")).case_id == new.case_id
        assert (await say(cases, "3", "订单 B20261121-001 呢")).case_id == new.case_id
        assert (await say(cases, "4", "退款没到账怎么办")).case_id == old.case_id

    run(story, seed=1)


def test_IN_15_a_split_takes_the_claims_of_its_matter_from_the_case_that_held_both() -> None:
    async def story() -> None:
        cases, _ = await house()
        old = await say(cases, "1", "发票抬头错了")
        assert old.claims
        await say(cases, "1b", "退款没到账", phone=PHONE["phone"])
        outcome = await work(cases, "split", old.case_id, text="发票抬头错了")
        again = await work(cases, "split", old.case_id, text="发票抬头错了")
        new = await said_by(cases, (await of(cases, old)).links[0].to)
        assert (outcome.refused, again.refused) == (None, None)
        assert new.claims == old.claims
        assert (await of(cases, old)).claims == ()

    run(story, seed=1)


def test_IN_15_a_split_takes_no_claim_from_a_third_case() -> None:
    async def story() -> None:
        cases, _ = await house()
        third = await say(cases, "1", "发票抬头错了")
        old = await say(cases, "2", "退款没到账")
        await work(cases, "split", old.case_id, text="发票抬头错了")
        new = await said_by(cases, (await of(cases, old)).links[0].to)
        assert (new.claims, (await of(cases, third)).claims) == ((), third.claims)

    run(story, seed=1)
