"""What a simulated agent does and when: decided from the offer alone, so that the same offer meets the same answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from demo.phrases import phrases

DECLINES, EXPIRES = 0.03, 0.015
LONGEST_EXPIRY_S = 21.0
RESOLVES, CLOSES, THIRD_PARTY, NOTES = 0.85, 0.25, 0.06, 0.12
PARTIES = {"payments": "支付平台", "logistics": "承运商", "technical": "研发", "returns": "质检"}
CAUSES = ("software", "hardware", "operation")


@dataclass(frozen=True, slots=True)
class Step:
    """One work record: `after_s` counts from the step before it."""

    after_s: float
    verb: str
    body: dict[str, Any] = field(default_factory=dict)


def answer(case_id: str, agent_id: str, expires_in_s: float, picky: bool) -> Step | None:
    """Accept, decline, or (None) let it expire; whoever is not picky takes whatever comes."""
    chance = Random(f"{case_id}:{agent_id}:offer")
    roll, after = chance.random(), chance.uniform(0.2, 1.2)
    if picky and roll < DECLINES:
        return Step(after, "declined", {"reason": "正在处理另一个紧急工单"})
    if picky and roll < DECLINES + EXPIRES and expires_in_s <= LONGEST_EXPIRY_S:
        return None
    return Step(after, "accepted")


def handling(
    case_id: str, agent_id: str, skill: str, language: str, now: datetime, hour: timedelta = timedelta(hours=1)
) -> list[Step]:
    """From the first response to the end; some cases wait for a third party, some are still open at the end."""
    chance = Random(f"{case_id}:{agent_id}:work")
    words = phrases(skill, language)
    steps = [Step(chance.uniform(1, 4), "responded", {"text": words.response})]
    if chance.random() < NOTES:
        steps.append(Step(chance.uniform(1, 3), "noted", {"text": "已与客户核对订单与联系方式"}))
    if chance.random() < THIRD_PARTY:
        steps += _third_party(chance, skill, now, hour)
    if chance.random() < RESOLVES:
        steps += _end(chance, skill, words.resolution, {"result": words.result, "measure": words.measure})
    return steps


def _third_party(chance: Random, skill: str, now: datetime, hour: timedelta) -> list[Step]:
    promise = {"party": PARTIES.get(skill, "供应商"), "promise_at": (now + 10 * hour).isoformat()}
    waiting = Step(chance.uniform(1, 3), "waiting", {"on": "third_party", **promise})
    return [waiting, Step(chance.uniform(3, 8), "resumed", {"on": "third_party"})]


def _end(chance: Random, skill: str, resolution: str, outcome: dict[str, Any]) -> list[Step]:
    cause = {"cause": chance.choice(CAUSES), "evidence": ["设备日志", "客户描述"]} if skill == "technical" else {}
    steps = [Step(chance.uniform(3, 10), "resolved", {"text": resolution, **cause, **outcome})]
    if chance.random() < CLOSES:
        steps.append(Step(chance.uniform(1, 3), "closed", {"reason": "客户确认已解决", **outcome}))
    return steps


def record(step: Step, case_id: str, agent_id: str, turn: str, now: datetime | None = None) -> dict[str, Any]:
    """`turn` tells apart the times that a case comes to the same agent; with the verb it makes the id unique."""
    at = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return {"id": f"{case_id}:{turn}:{step.verb}", "agent_id": agent_id, "case_id": case_id, "at": at, **step.body}
