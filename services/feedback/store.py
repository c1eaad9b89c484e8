"""Feedback's memory: an outcome per case, the sums over them, and the secret behind the survey links."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from pymongo import ASCENDING

from services.feedback.domain.ask import due
from services.feedback.domain.figures import Group, Sums, facts, figures
from services.feedback.domain.link import Links
from services.feedback.domain.outcome import CaseOutcome, Improvement
from services.feedback.domain.period import Span
from services.feedback.domain.report import Day, Improvements
from shared.errors import Transient
from shared.mongo import aggregated, durable
from shared.store import Shape, Store

By = Literal["agent", "team", "category", "product"]
Json = dict[str, Any]
SECRET_BYTES = 32
MENDING = ("improvements", "improving", "improved", "improve_due", "improvers")


def _moments(case: CaseOutcome) -> tuple[datetime, ...]:
    """When improvements of it were opened and closed."""
    moments = (moment for one in case.improvements for moment in (one.opened_at, one.closed_at))
    return tuple(moment for moment in moments if moment is not None)


def index(case: CaseOutcome) -> Json:
    return {
        **facts(case),
        "number": case.number,
        "improvements": tuple(improvement.id for improvement in case.improvements),
        "improving": any(improvement.status == "open" for improvement in case.improvements) or None,
        "improved": _moments(case),
        "improve_due": tuple(improvement.due_at for improvement in case.improvements),
        "improvers": tuple(improvement.person for improvement in case.improvements if improvement.person),
        "surveyed": bool(case.surveys) or None,
        "answered": () if case.drill else tuple(survey.answered_at for survey in case.surveys if survey.answered_at),
    }


OUTCOMES = Shape(
    "outcomes",
    CaseOutcome,
    reads=frozenset({"cases.v1", "assignments.v1", "sla.v1", "notifications.v1"}),
    index=index,
    indexes=(("opened_at",), ("closed_at",), ("surveyed", "opened_at"), ("answered",), *((name,) for name in MENDING)),
    due=due,
)


class Outcomes(Store[CaseOutcome]):
    async def groups(self, span: Span, by: By, satisfied: float, agent: str | None = None) -> list[Group]:
        """The figures of the cases opened in this span, one group each, in the order of their positions."""
        cases = await self._ask(_cases(span, agent, _of_case(by)))
        surveys = await self._ask(_surveys(span, agent, _of_survey(by), satisfied))
        counted: dict[tuple[str, str], list[Json]] = {}
        for row in (*cases, *surveys):
            counted.setdefault((row["_id"].get("team", ""), row["_id"]["key"]), []).append(row)
        groups = [_group(by, *group, rows) for group, rows in counted.items()]
        return sorted(groups, key=lambda group: group.position)

    async def whole(self, span: Span, satisfied: float, agent: str | None = None) -> Sums:
        cases = await self._ask(_cases(span, agent, None))
        return Sums.of(*cases, *await self._ask(_surveys(span, agent, None, satisfied)))

    async def days(self, span: Span) -> tuple[Day, ...]:
        opened, closed = [await self._by_day(field, span) for field in ("opened_at", "closed_at")]
        return tuple(Day(str(day), opened.get(str(day), 0), closed.get(str(day), 0)) for day in span.days)

    async def _by_day(self, field: str, span: Span) -> dict[str, int]:
        day = {"$dateToString": {"date": f"$ix.{field}", "format": "%Y-%m-%d", "timezone": span.zone}}
        rows = await self._ask([{"$match": _within(f"ix.{field}", span)}, {"$group": {"_id": day, "n": {"$sum": 1}}}])
        return {row["_id"]: row["n"] for row in rows}

    async def stars(self, span: Span) -> tuple[int, int, int, int, int]:
        """Answers by their mean of stars, rounded, 1 to 5."""
        answers = [*_each_survey(span, None), {"$match": {"survey.csat": {"$ne": None}}}]
        whole_stars = {"$floor": {"$add": ["$survey.csat", 0.5]}}
        rows = await self._ask([*answers, {"$group": {"_id": whole_stars, "n": {"$sum": 1}}}])
        found = {int(row["_id"]): row["n"] for row in rows}
        return (found.get(1, 0), found.get(2, 0), found.get(3, 0), found.get(4, 0), found.get(5, 0))

    async def answers_in(self, span: Span) -> int:
        """First answers that came in it."""
        moments: list[Json] = [
            {"$match": _one_within("ix.answered", span)},
            {"$project": {"at": "$ix.answered"}},
            {"$unwind": "$at"},
            {"$match": _within("at", span)},
            {"$count": "n"},
        ]
        return sum(row["n"] for row in await self._ask(moments))

    async def improvements_of(self, span: Span, now: datetime) -> Improvements:
        still: list[Json] = [{"$eq": ["$it.status", "open"]}, _is_before("$it.opened_at", span.end)]
        late = _is_before("$it.due_at", now)
        counted: Json = {
            "opened": _count_if(_between("$it.opened_at", span)),
            "closed": _count_if(_between("$it.closed_at", span)),
            "open": _count_if({"$and": still}),
            "overdue": _count_if({"$and": [*still, late]}),
        }
        rows = await self._ask([*_each_improvement(improving_in(span)), {"$group": {"_id": None, **counted}}])
        return Improvements(**{name: rows[0][name] for name in counted}) if rows else Improvements()

    async def improvements(
        self, wanted: Mapping[str, Any], after: tuple[datetime, str] | None, limit: int
    ) -> list[tuple[CaseOutcome, Improvement]]:
        """In the order in which they fall due, with their cases. `wanted`: by field of the improvement.

        Cases are found by index: open, of a person, falling due from the cursor on; only theirs are unwound.
        """
        match: Json = {f"it.{name}": value for name, value in wanted.items()}
        if after is not None:
            later = {"it.due_at": after[0], "it.id": {"$gt": after[1]}}
            match["$or"] = [{"it.due_at": {"$gt": after[0]}}, later]
        having = _each_improvement(improving_as(wanted, after))
        ordered: list[Json] = [
            {"$match": match},
            {"$sort": {"it.due_at": ASCENDING, "it.id": ASCENDING}},
            {"$limit": limit},
        ]
        rows = await self._ask([*having, *ordered])
        states = [(self._state(row), Improvement.model_validate(row["it"])) for row in rows]
        return [(state, improvement) for state, improvement in states if state is not None]

    async def with_improvement(self, id_: str) -> CaseOutcome | None:
        return next(iter(await self.find({"ix.improvements": id_}, limit=1)), None)

    async def _ask(self, pipeline: list[Json]) -> list[Json]:
        return await aggregated(self.documents, pipeline)


def _group(by: By, team: str, key: str, rows: list[Json]) -> Group:
    name = next((row["name"] for row in rows if row.get("name")), "")
    return Group(key=key, figures=figures(Sums.of(*rows)), team=team if by == "agent" else "", name=name)


def _of_case(by: By) -> Json:
    return {"key": f"$ix.{by}", **({"team": "$ix.team"} if by == "agent" else {})}


def _of_survey(by: By) -> Json:
    agent: Json = {"key": _or_none("$survey.agent.agent_id"), "team": _or_none("$survey.agent.team")}
    return {"agent": agent, "team": {"key": agent["team"]}}.get(by, {"key": f"$ix.{by}"})


def _or_none(path: str) -> Json:
    return {"$ifNull": [path, ""]}


def _within(field: str, span: Span) -> Json:
    return {field: {"$gte": span.start, "$lt": span.end}}


def _one_within(field: str, span: Span) -> Json:
    """Of a list of moments."""
    return {field: {"$elemMatch": {"$gte": span.start, "$lt": span.end}}}


def _is_before(path: str, moment: datetime) -> Json:
    return {"$lt": [path, moment]}


def _between(path: str, span: Span) -> Json:
    return {"$and": [{"$gte": [path, span.start]}, {"$lt": [path, span.end]}]}


def _count_if(condition: Any) -> Json:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _cases(span: Span, agent: str | None, key: Json | None) -> list[Json]:
    match = _within("ix.opened_at", span) | ({"ix.agent": agent} if agent else {})
    counted = {
        "taken": {"$sum": 1},
        "resolved": _count_if("$ix.resolved"),
        "first_contact": _count_if("$ix.first_contact"),
        "promised": _count_if({"$ne": [{"$type": "$ix.kept"}, "missing"]}),
        "kept": _count_if("$ix.kept"),
        "name": {"$max": "$ix.agent_name"},
        "resolve": {"$push": "$ix.resolve_s"},
        "respond": {"$push": "$ix.respond_s"},
    }
    middles = {"resolve_mid": _middle("$resolve"), "respond_mid": _middle("$respond")}
    return [
        {"$match": match},
        {"$group": {"_id": key, **counted}},
        {"$set": middles},
        {"$unset": ["resolve", "respond"]},
    ]


def _middle(path: str) -> Json:
    """The one or two values in the middle of a list, nothing of an empty one."""
    size = {"$size": path}
    first = {"$toInt": {"$floor": {"$divide": [{"$subtract": [size, 1]}, 2]}}}
    many = {"$subtract": [2, {"$mod": [size, 2]}]}
    middle = {"$slice": [{"$sortArray": {"input": path, "sortBy": 1}}, first, many]}
    return {"$cond": [{"$eq": [size, 0]}, [], middle]}


def _each_survey(span: Span, agent: str | None) -> list[Json]:
    """Of each case the surveys, under `survey`."""
    match = {"ix.surveyed": True} | _within("ix.opened_at", span)
    mine = [{"$match": {"survey.agent.agent_id": agent}}] if agent else []
    shown = {"$project": {"ix.category": 1, "ix.product": 1, "survey": "$state.surveys"}}
    return [{"$match": match}, shown, {"$unwind": "$survey"}, *mine]


def _surveys(span: Span, agent: str | None, key: Json | None, satisfied: float) -> list[Json]:
    recommend, answered = "$survey.scores.recommend", {"$eq": ["$survey.status", "answered"]}
    counted = {
        "asked": _count_if({"$or": [answered, {"$not": [{"$in": ["$survey.delivery", ["failed", "suppressed"]]}]}]}),
        "answered": _count_if(answered),
        "stars": {"$sum": "$survey.csat"},
        "satisfied": _count_if({"$gte": ["$survey.csat", satisfied]}),
        "effort": {"$sum": "$survey.scores.effort"},
        "efforts": _count_if({"$isNumber": "$survey.scores.effort"}),
        "rated": _count_if({"$isNumber": recommend}),
        "promoters": _count_if({"$gte": [recommend, 9]}),
        "detractors": _count_if({"$and": [{"$isNumber": recommend}, {"$lte": [recommend, 6]}]}),
        "name": {"$max": "$survey.agent.name"},
    }
    return [*_each_survey(span, agent), {"$group": {"_id": key, **counted}}]


def improving_in(span: Span) -> Json:
    """Cases with an improvement that is open, or that was opened or closed in it; all by index."""
    return {"$or": [{"ix.improving": True}, _one_within("ix.improved", span)]}


def improving_as(wanted: Mapping[str, Any], after: tuple[datetime, str] | None) -> Json:
    """Cases that may have such an improvement, by what is indexed of them."""
    found: Json = {"ix.improve_due": {"$gte": after[0]} if after else {"$exists": True}}
    if wanted.get("status") == "open":
        found["ix.improving"] = True
    if "person" in wanted:
        found["ix.improvers"] = wanted["person"]
    return found


def _each_improvement(having: Json) -> list[Json]:
    """Of each of these cases the improvements, under `it`."""
    return [
        {"$match": having},
        {"$set": {"it": "$state.improvements"}},
        {"$unwind": "$it"},
    ]


def fresh_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


class Secret:
    """What signs the survey links: made once, by whoever is first, and the same for every replica."""

    def __init__(self, database: Any, public_url: str, fresh: Callable[[], bytes]) -> None:
        self._kept, self._public_url, self._fresh = durable(database, "secrets"), public_url, fresh
        self._links: Links | None = None

    async def setup(self) -> None:
        """Before this has been called no link can be made or read."""
        mine = {"$setOnInsert": {"secret": self._fresh()}}
        await self._kept.update_one({"_id": "survey-links"}, mine, upsert=True)
        kept = await self._kept.find_one({"_id": "survey-links"})
        self._links = Links(self._public_url, bytes(kept["secret"]))

    @property
    def links(self) -> Links:
        if self._links is None:
            raise Transient("the secret of the survey links is not read yet")
        return self._links
