"""Two versions of a service on one real database, each writing over the other's documents (decision 36)."""

from functools import partial
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from shared.decisions import Decision
from shared.errors import Transient
from shared.fold import Change
from shared.store import Shape
from tests.integration.shared.support import TALLIES, A, Process, process
from tests.unit.shared.tally import Counted, Tally, event


class Step(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    by: str = "nobody"


class Newer(Tally):
    """It keeps who did each step, beside the names that the older one goes on with, and the half of the total."""

    by_step: tuple[Step, ...] = ()
    half: float = 0.0


def halved(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, "half": raw["total"] / 2}


NEWER: Shape[Any] = Shape("tallies", Newer, reads=TALLIES.reads, schema=2, lift={1: halved})


def signed(state: Newer, now: Any, *, by: str) -> Decision[Newer]:
    """What only the newer one decides."""
    steps = (*state.by_step, Step(name=state.steps[-1], by=by))
    return Decision(state.model_copy(update={"by_step": steps, "half": state.total / 2}), (Counted(total=state.total),))


async def sign(p: Process, by: str) -> None:
    await p.store.apply([Change("k", partial(signed, by=by), by)])  # type: ignore[arg-type]


async def test_what_a_newer_version_keeps_survives_an_older_one_and_is_brought_up_to_date(db: Any) -> None:
    old, new = await process(db), await process(db, shape=NEWER)
    await old.take(event(A, 1, n=3))
    await sign(new, "王芳")
    await db["tallies"].update_one({"_id": "k"}, {"$set": {"newer": {"kept": True}}})
    await old.take(event(A, 2, n=4))
    assert ((await old.body())["schema"], (await old.body())["newer"]) == (1, {"kept": True})
    state: Any = await new.store.get("k")
    assert (state.total, state.half, state.by_step) == (7, 3.5, (Step(name=f"{A}:1", by="王芳"),))
    await sign(new, "李雷")
    assert [step.by for step in (await new.store.get("k")).by_step] == ["王芳", "李雷"]  # type: ignore[union-attr]
    assert await new.take(event(A, 1), event(A, 2)) == ["repeat", "repeat"]


class Moody(Tally):
    mood: Literal["glad", "angry"] = "glad"


class Moodier(Tally):
    mood: Literal["glad", "angry", "puzzled"] = "puzzled"


async def test_a_state_that_an_older_version_can_not_read_waits_for_a_newer_one_and_holds_up_no_other(db: Any) -> None:
    new = await process(db, shape=Shape("tallies", Moodier, reads=TALLIES.reads))  # type: ignore[arg-type]
    await new.store.apply([Change("k", lambda _, now: Decision(Moodier(total=1)), "c")])
    old = await process(db, shape=Shape("tallies", Moody, reads=TALLIES.reads))  # type: ignore[arg-type]
    assert await old.take(event(A, 1), event(A, 1, subject="other")) == ["parked", "applied"]
    with pytest.raises(Transient, match="k waits for a version that can read it"):
        await old.store.get("k")
    assert [state.steps for state in await old.store.find({})] == [(f"{A}:1",)], (
        "whoever looks for many finds the others"
    )
    assert not await old.store.unpark("k")
    assert "mood" in (await old.store.would_flow("k") or "")
    assert (await old.body())["state"]["mood"] == "puzzled"
    assert await new.store.unpark("k")
    assert await new.steps() == (f"{A}:1",)


async def test_what_an_older_version_can_not_read_is_published_by_it_all_the_same(db: Any) -> None:
    new = await process(db, shape=Shape("tallies", Moodier, reads=TALLIES.reads))  # type: ignore[arg-type]
    new.tape.away = True
    await new.store.apply([Change("k", lambda _, now: Decision(Moodier(), (Counted(total=1),)), "c")])
    await new.relay.settle()
    await db["tallies"].update_one({"_id": "k"}, {"$set": {"outbox.0.newer": 1}})
    old = await process(db, shape=Shape("tallies", Moody, reads=TALLIES.reads))  # type: ignore[arg-type]
    old.clock.forward(minutes=1)
    assert await old.relay.sweep([old.store], None) == 1
    assert old.tape.sequences() == [1]
