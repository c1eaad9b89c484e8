"""Who is told what of whom (IN-3, IN-11), and how a customer is shown, over the real stores."""

from functools import partial
from typing import Any

import pytest

from services.intake.app import assemble
from services.intake.change import contact_change
from services.intake.conversations import Conversations
from services.intake.customer_view import MOST_TEXT
from services.intake.customer_view import customer as view
from services.intake.domain.ask import Asked
from services.intake.domain.case import Case
from services.intake.domain.customer import absorb, merge
from services.intake.domain.query import Said, read
from services.intake.listing import Filters, Listing
from services.intake.settings import Settings
from services.intake.store import Cases
from shared.events.contacts import Contact
from shared.fold import Change
from shared.metrics import Metrics
from shared.service import Core, build
from shared.work import set_up
from tests.integration.shared.support import Database, Tape
from tests.simulation.faults import Faults
from tests.simulation.mongo import Replicas
from tests.simulation.scheduler import SimClock, current, run

SWITCHBOARD, MOBILE, MAIL = "+862162345678", "+8613800138000", "li@x.example"
ACCOUNT, PRINTER = "我的账户被盗刷", "打印机卡纸"


async def intake() -> tuple[Cases, Conversations]:
    loop = current()
    database = Database(Replicas(loop, Faults(loop.random)).client()["switchboard_intake"])
    settings: Any = Settings.model_construct(partitions=12, rules=None)
    core: Core[Any] = Core("intake", settings, database, Tape(), Metrics("intake"), clock=SimClock(loop))
    parts = assemble(core)
    await set_up(build(core, parts))
    cases, talks = parts.stores[0], next(store for store in parts.stores if isinstance(store, Conversations))
    assert isinstance(cases, Cases)
    return cases, talks


async def says(
    cases: Cases, channel: str, id_: str, text: str, conversation: str | None = None, **customer: str
) -> Case:
    said = {"source": channel, "id": id_, "channel": channel, "text": text, "customer": customer}
    contact = Contact.model_validate({**said, "conversation": conversation})
    (outcome,) = await cases.apply([contact_change(contact, cases.rules())], recorded=True)
    assert outcome.state is not None
    return outcome.state


async def told(talks: Conversations, channel: str, **customer: str) -> set[str]:
    """The cases that self-service tells of."""
    asked = {"source": channel, "conversation": "ask", "text": "我的工单", "channel": channel, "customer": customer}
    return {case.case_id for case in await talks.own_cases(Asked.model_validate(asked))}


def test_IN_11_of_the_people_of_a_switchboard_none_is_told_of_anothers_cases() -> None:
    async def story() -> None:
        cases, talks = await intake()
        wang = await says(cases, "phone", "1", "我的退款没到账", name="王芳", phone=SWITCHBOARD)
        await says(cases, "phone", "2", PRINTER, phone=SWITCHBOARD)
        assert await told(talks, "phone", phone=SWITCHBOARD) == set(), "nobody knows who calls"
        assert await told(talks, "phone", phone=SWITCHBOARD, name="李明") == set()
        assert await told(talks, "phone", phone=SWITCHBOARD, name="王芳") == {wang.case_id}
        await says(cases, "phone", "3", PRINTER, name="李明", phone=SWITCHBOARD)
        assert await told(talks, "phone", phone=SWITCHBOARD) == set()
        assert await told(talks, "phone", phone=SWITCHBOARD, name="王芳") == set(), "of several nobody is told"

    run(story, 1)


@pytest.mark.parametrize("name", [{}, {"name": "Mallory"}, {"name": "李丽"}])
def test_IN_11_who_states_anothers_mail_is_told_of_none_of_his_cases(name: dict[str, str]) -> None:
    """Also where it was not contradicted, and the two were taken for one."""

    async def story() -> None:
        cases, talks = await intake()
        victim = await says(cases, "email", "1", ACCOUNT, email=MAIL, name="李丽")
        own = await says(cases, "app", "2", PRINTER, app_id="mallory", email=MAIL, **name)
        later = await says(cases, "email", "3", "发票抬头错了", email=MAIL, name="李丽")
        assert await told(talks, "app", app_id="mallory") == {own.case_id}
        assert {victim.case_id, later.case_id} <= await told(talks, "email", email=MAIL)

    run(story, 1)


def test_IN_3_a_phone_number_finds_the_cases_of_all_who_have_it() -> None:
    async def story() -> None:
        cases, _ = await intake()
        people: list[dict[str, str]] = [{"name": "王芳"}, {"name": "李明"}, {}]
        mine = [
            await says(cases, "phone", str(n), text, phone=SWITCHBOARD, **person)
            for n, (person, text) in enumerate(zip(people, (ACCOUNT, PRINTER, "发票抬头错了"), strict=True))
        ]
        await says(cases, "phone", "9", PRINTER, phone=MOBILE)
        nothing: Any = None
        found = await Listing(cases, nothing).find(Filters(), read(SWITCHBOARD, cases.rules()), 50)
        assert {case.case_id for case in found} == {case.case_id for case in mine}
        holders = await cases.customers.who_have([f"phone:{SWITCHBOARD}"])
        assert {one.customer_id for one in holders} == {case.customer_id for case in mine}

    run(story, 1)


def test_IN_4_nameless_callers_of_a_switchboard_share_a_view_and_no_case() -> None:
    async def story() -> None:
        cases, _ = await intake()
        one = await says(cases, "phone", "1", "我的退款没到账", "call-1", phone=SWITCHBOARD)
        other = await says(cases, "phone", "2", "退款没到账，怎么还没处理", "call-2", phone=SWITCHBOARD)
        assert one.customer_id == other.customer_id
        assert one.case_id != other.case_id
        order = "订单A20261121-553没有收到货"
        first = await says(cases, "phone", "3", order, "call-3", phone=SWITCHBOARD)
        assert (await says(cases, "phone", "4", order, "call-4", phone=SWITCHBOARD)).case_id == first.case_id

    run(story, 1)


def test_IN_3_a_caller_whom_a_person_took_for_a_customer_is_he_from_then_on() -> None:
    async def story() -> None:
        cases, _ = await intake()
        home = await says(cases, "phone", "1", PRINTER, phone=SWITCHBOARD)
        wang = await says(cases, "email", "2", ACCOUNT, email=MAIL, name="王芳")
        low, high = sorted((home.customer_id, wang.customer_id))
        goes = (await cases.customers.get_many([high]))[high]
        for key, decide in (
            (low, partial(absorb, other=goes, rules=cases.rules(), by="S01", why="家里的电话")),
            (high, partial(merge, into=low, by="S01", why="家里的电话")),
        ):
            await cases.customers.apply([Change(key, decide, f"told {key}")])
        again = await says(cases, "phone", "3", "发票抬头错了", phone=SWITCHBOARD)
        assert set(await cases.customers.everyone_who_is(again.customer_id)) == {low, high}

    run(story, 1)


def test_IN_3_many_callers_of_one_number_stay_few_to_look_through() -> None:
    async def story() -> None:
        cases, _ = await intake()
        for n in range(60):
            await says(cases, "phone", str(n), PRINTER, phone=SWITCHBOARD, name=f"客户{n}")
        assert len(await cases.customers.find({"ix.points": f"phone:{SWITCHBOARD}"}, limit=0)) == 50
        again = await says(cases, "phone", "x", PRINTER, phone=SWITCHBOARD, name="客户59")
        same = await cases.find({"ix.customer": again.customer_id}, limit=0)
        assert len(same) == 2, "and whoever came later is one customer too"

    run(story, 1)


def test_IN_3_a_customer_is_shown_page_by_page_and_his_long_words_by_their_beginning() -> None:
    async def story() -> None:
        cases, _ = await intake()
        said = {"source": "chat", "channel": "chat", "conversation": "talk", "customer": {"app_id": "u1"}}
        many = [Contact.model_validate({**said, "id": str(n), "text": f"{n} " + "电脑坏了" * 4000}) for n in range(5)]
        await cases.apply([contact_change(one, cases.rules()) for one in many], recorded=True)
        (found,) = await cases.customers.find({}, limit=0)
        seen: list[str] = []
        after = None
        while True:
            page = await view(cases, found, after, 2)
            seen += [line["text"][0] for line in page["contacts"]]
            assert all(len(line["text"].encode()) <= MOST_TEXT for line in page["contacts"])
            assert all(line["text_truncated"] for line in page["contacts"])
            if not page["contacts_next"]:
                break
            after = Said.read(page["contacts_next"])
        assert sorted(seen) == ["0", "1", "2", "3", "4"], "all were said in one moment, and each is shown once"

    run(story, 1)
