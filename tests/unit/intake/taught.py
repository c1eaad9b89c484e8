"""Examples of a shop for coffee machines, whose jargon no shipped keyword knows, and rules that learned from them."""

from functools import cache
from typing import Any

from services.intake.domain.learned import Model
from services.intake.domain.rules import Rules
from services.intake.learning import Example, learn
from shared.rules import load

HARDWARE, SOFTWARE, DELIVERY = "技术故障 / 硬件故障", "技术故障 / 软件故障", "物流查询 / 物流进度"
_SAID = {
    HARDWARE: ("the grinder stalls", "the grinder jams on beans", "steam wand drips", "steam wand leaks at the nozzle"),
    SOFTWARE: (
        "roast profile vanished",
        "the roast profile resets",
        "menu freezes after brewing",
        "menu hangs on brewing",
    ),
    DELIVERY: (
        "beans subscription skipped",
        "subscription box absent",
        "no beans on doorstep",
        "doorstep box went astray",
    ),
}
_ENDS = ("", " again", " since monday")
EXAMPLES = [Example(text + end, label) for label, texts in _SAID.items() for text in texts for end in _ENDS]
GLAD = ("绝了", "回购三次", "家人抢着吃", "孩子光盘", "下回还来", "邻居也下单")
CROSS = ("踩雷", "拉黑", "喂狗都嫌", "避开这家", "再来是小狗", "白花钱")
FEELINGS = [
    Example(f"{said}{end}", label)
    for label, words in (("positive", GLAD), ("negative", CROSS))
    for said in words
    for end in ("", "啊", "呀呀")
]


@cache
def model() -> Model:
    return learn(EXAMPLES).model


@cache
def feelings() -> Model:
    return learn(FEELINGS).model


@cache
def shipped() -> dict[str, Any]:
    return load("intake", lambda documents: documents, None)


def rules(**documents: Any) -> Rules:
    """The shipped rules with these documents instead of, or beside, the shipped ones. Raises ValueError."""
    return Rules.parse({**shipped(), **documents})


def understanding(**category: Any) -> dict[str, Any]:
    own = shipped()["understanding"]
    return {**own, "category": {**own["category"], **category}}
