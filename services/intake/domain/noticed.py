"""A burst that was noticed: which cases are part of it, told as they come."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.intake.domain.burst import Burst
from shared.decisions import Decision
from shared.events.cases import BurstNoticed

MOST_CASES = 700
"""So that its document stays small; cases beyond go without."""


class NoticedBurst(BaseModel):
    """`began`: when the first of its cases was opened."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    burst_id: str
    category: tuple[str, ...]
    words: tuple[str, ...]
    cases: tuple[str, ...] = ()
    began: datetime


def notice(
    state: NoticedBurst | None, now: datetime, *, burst: Burst, category: tuple[str, ...], cases: tuple[str, ...]
) -> Decision[NoticedBurst]:
    """The event names the cases that are new; nothing where there are none."""
    known = state or NoticedBurst(burst_id=burst.id, category=category, words=burst.words, began=burst.began)
    new = tuple(case for case in dict.fromkeys(cases) if case not in set(known.cases))
    new = new[: MOST_CASES - len(known.cases)]
    if not new:
        return Decision(state)  # type: ignore[arg-type]
    event = BurstNoticed(burst_id=burst.id, category=category, words=phrases(known.words), cases=new)
    return Decision(known.model_copy(update={"cases": (*known.cases, *new)}), (event,))


def phrases(words: tuple[str, ...]) -> tuple[str, ...]:
    """Pairs of Chinese signs that follow each other, as one: 系统 统崩 崩溃 -> 系统崩溃."""
    joined: list[str] = []
    for word in words:
        if joined and not word.isascii() and joined[-1][-1] == word[0]:
            joined[-1] += word[1:]
        else:
            joined.append(word)
    return tuple(joined)
