"""A batch of contacts ends in the cases in which they would end one by one (IN-4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest

from services.intake.change import contact_change
from services.intake.domain.case import Case
from services.intake.domain.work import decide_work
from services.intake.store import Cases
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.fold import Change
from shared.ids import named
from tests.simulation.scheduler import run
from tests.simulation.test_customers import intake
from tests.simulation.test_joining import PHONE

Said = dict[str, Any]

FANG = {"phone": PHONE}
OURS = {"voice": {"direction": "outbound", "state": "ended", "agent": "Z01"}, "subject": "外呼"}
CHARGED = "订单A20261121-554重复扣款，请退款"
ORDER = "订单A20261121-301没有收到货"
ANOTHER = "之前反映的订单A20261121-302发票错误怎么还没处理"
PRINTER = "打印机E500卡纸，硬件故障，无法打印"
WORDS = [
    PRINTER, ORDER, ANOTHER, "谢谢", "你好",
    "订单A20261121-302重复扣款，请退款", "退款怎么还没到账，还没处理", "怎么还没处理？", "态度恶劣，没人管",
]  # fmt: skip


def chat(text: str, talk: str = "chat-1", **customer: str) -> Said:
    return {"source": "chat", "channel": "chat", "text": text, "conversation": talk, "customer": customer}


def mail(text: str, **customer: str) -> Said:
    return {"source": "mail", "channel": "email", "text": text, "customer": customer or FANG}


def call(id_: str, text: str | None = None, **more: Any) -> Said:
    said = {"source": "cti", "channel": "phone", "text": text, "conversation": id_, "customer": FANG, "subject": "来电"}
    return said | more


@dataclass(frozen=True)
class Story:
    """Contacts that come one by one, whose cases may be closed then; and those that come at once or one by one."""

    before: list[Said]
    said: list[Said]
    closed: bool = False


async def arrive(cases: Cases, some: Sequence[Said]) -> list[Case]:
    changes = [contact_change(Contact.model_validate(said), cases.rules()) for said in some]
    return [outcome.state for outcome in await cases.apply(changes, recorded=True) if outcome.state]


async def close(cases: Cases, case: Case) -> None:
    work = Work.model_validate({"id": "w", "agent_id": "Z01", "case_id": case.case_id, "result": "已处理"})
    decide = partial(decide_work, work=work, verb="closed", rules=cases.rules())
    await cases.apply_only([Change(case.case_id, decide, named("closed", case.case_id))])


def of_its_own(number: int, some: Sequence[Said], of: str) -> list[Said]:
    """What is said in this story, by its own customer in its own conversations."""
    told = []
    for place, said in enumerate(some):
        customer = {"phone": f"+86139{number:08d}"} if said["customer"] == FANG else said["customer"]
        talk = f"{number}-{said['conversation']}" if "conversation" in said else None
        told.append({**said, "id": f"{number}-{of}-{place}", "customer": customer, "conversation": talk})
    return told


async def tell(cases: Cases, number: int, story: Story, *, at_once: bool) -> None:
    for said in of_its_own(number, story.before, "before"):
        (case,) = await arrive(cases, [said])
        if story.closed:
            await close(cases, case)
    later = of_its_own(number, story.said, "later")
    for some in [later] if at_once else [[said] for said in later]:
        await arrive(cases, some)


async def ends_of(stories: Sequence[Story], *, at_once: bool) -> Any:
    """The contacts of each case, what it claims, how it stands and whose it is."""
    cases, _ = await intake()
    for number, story in enumerate(stories):
        await tell(cases, number, story, at_once=at_once)
    return {
        tuple(seen.id for seen in case.contacts): (sorted(case.claims), case.status, case.customer_id)
        for case in await cases.find({}, limit=0)
    }


def same_both_ways(stories: Sequence[Story]) -> None:
    at_once, one_by_one = (run(partial(ends_of, stories, at_once=way), 1) for way in (True, False))
    assert at_once == one_by_one


def test_IN_4_a_joined_case_is_known_to_the_rest_of_its_batch_as_what_it_is() -> None:
    same_both_ways(
        [
            Story([], [chat(CHARGED), chat("我的手机号是这个", **FANG), call("1", CHARGED)]),
            Story([chat(PRINTER, **FANG)], [chat("你好", **FANG), call("1", "退款怎么还没到账，还没处理")]),
            Story([chat(ORDER, **FANG)], [chat("你好", **FANG), mail(ANOTHER)]),
            Story([chat(ORDER, **FANG)], [chat("谢谢", **FANG), call("1")], closed=True),
            Story([chat(ORDER, **FANG)], [chat("还是没收到", **FANG), call("1")], closed=True),
        ]
    )


def anything(chance: Random, number: int) -> Said:
    return chance.choice(
        [
            chat(chance.choice(WORDS), chance.choice(["chat-1", "chat-2"]), **chance.choice([{}, FANG])),
            mail(chance.choice(WORDS)),
            mail(chance.choice(WORDS), email="none@none.com"),
            call(f"call-{number}", chance.choice([None, *WORDS])),
            call(f"call-{number}", chance.choice([None, *WORDS]), **OURS),
        ]
    )


def some_story(chance: Random) -> Story:
    before = [anything(chance, number) for number in range(chance.randrange(3))]
    said = [anything(chance, number) for number in range(100, 102 + chance.randrange(4))]
    return Story(before, said, closed=chance.random() < 0.3)


@pytest.mark.parametrize("seed", range(2))
def test_IN_4_whatever_comes_in_one_batch_comes_to_the_same_cases_as_one_by_one(seed: int) -> None:
    chance = Random(seed)
    same_both_ways([some_story(chance) for _ in range(50)])
