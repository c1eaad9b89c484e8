"""Feedback's door for HTTP: the customer's survey page, improvements, figures and the report of a month."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from services.feedback import pages, reports
from services.feedback.domain.answer import Answers, answer, answerable, check_time
from services.feedback.domain.figures import Group, figures
from services.feedback.domain.improve import Changed, change
from services.feedback.domain.outcome import CaseOutcome, Improvement, Survey
from services.feedback.domain.period import span_of
from services.feedback.domain.report import Report
from services.feedback.domain.rules import Rules
from services.feedback.store import By, Outcomes, Secret
from services.feedback.surveys import answers_of, faults_of, from_form, read_form, read_json, says_json
from shared.access import Forbidden, Principal
from shared.clock import wire
from shared.decisions import Refused
from shared.errors import TRANSIENT, Unreadable
from shared.events.escalations import Department
from shared.fold import Change, Outcome
from shared.http import After, Json, Limit, Problem, body_of, for_himself, page, problem_of, read_body, takes, who
from shared.ids import named
from shared.rules import Rules as Live
from shared.service import Running
from shared.signin import is_browser
from shared.telemetry import current_trace

Improver = Annotated[Principal, who("supervisor", "quality", "care")]
Reader = Annotated[Principal, who("agent", "supervisor", "quality", "care", writes=False)]
ReportReader = Annotated[Principal, who("supervisor", "quality", "care", writes=False)]
Language = Annotated[str | None, Query(alias="lang", max_length=20)]
Word = Annotated[str | None, Query(max_length=100)]
TOLD: tuple[type[BaseException], ...] = (Problem, Refused, Unreadable, *TRANSIENT)
"""What a customer is told on a page; anything else is an error of ours."""


def router(running: Running, outcomes: Outcomes, secret: Secret, rules: Live[Rules]) -> APIRouter:
    """The doors of CONTRACTS section 3, feedback, that there are so far."""
    doors = APIRouter()
    _surveys(doors, running, outcomes, secret, rules)
    _improvements(doors, running, outcomes)
    _figures(doors, running, outcomes, rules)
    _reports(doors, running, outcomes, rules)
    return doors


def _surveys(doors: APIRouter, running: Running, outcomes: Outcomes, secret: Secret, rules: Live[Rules]) -> None:
    @doors.head("/s/{token}", include_in_schema=False)
    @doors.get("/s/{token}", tags=["survey"], response_class=HTMLResponse)
    async def show(request: Request, token: str, lang: Language = None, again: bool = False) -> Response:
        case: CaseOutcome | None = None
        try:
            case, survey = await _find(outcomes, secret, token)
            check_time(survey, running.core.clock(), rules())
        except TOLD as error:
            return _notice(request, error, lang, case)
        language = pages.language_of(lang, case.language)
        if survey.status == "answered" and not again:
            return pages.notice(language, "thanks", 200, case.number)
        return pages.survey(language, rules().surveys.questions, case.number)

    @doors.post("/s/{token}", tags=["survey"], openapi_extra=takes(Answers))
    async def take(request: Request, token: str, lang: Language = None) -> Response:
        if says_json(request):
            case, survey = await _find(outcomes, secret, token)
            given = body_of(Answers, await read_json(request))
            return Json(_told(await _answer(running, outcomes, case, survey, given, rules()), survey.nth))
        return await _take_form(request, running, outcomes, secret, token, lang, rules())

    @doors.head("/s/{rest:path}", include_in_schema=False)
    @doors.get("/s/{rest:path}", include_in_schema=False)
    async def lost(request: Request, rest: str, lang: Language = None) -> Response:
        if is_browser(request):
            return _notice(request, _not_ours(), lang, None)
        raise _not_ours()


async def _take_form(
    request: Request, running: Running, outcomes: Outcomes, secret: Secret, token: str, lang: str | None, rules: Rules
) -> Response:
    case: CaseOutcome | None = None
    try:
        case, survey = await _find(outcomes, secret, token)
        language = pages.language_of(lang, case.language)
        entered = await read_form(request)
        try:
            given = answers_of(from_form(entered))
        except ValidationError as error:
            check_time(survey, running.core.clock(), rules)
            questions, wrong = rules.surveys.questions, faults_of(error)
            return pages.survey(language, questions, case.number, entered=entered, wrong=wrong, status=422)
        await _answer(running, outcomes, case, survey, given, rules)
    except TOLD as error:
        return _notice(request, error, lang, case)
    return pages.notice(language, "thanks", 200, case.number)


def _not_ours() -> Problem:
    return Problem(404, "unknown_survey", "this link was not made by us, or is not complete", field="token")


async def _find(outcomes: Outcomes, secret: Secret, token: str) -> tuple[CaseOutcome, Survey]:
    """What a link stands for. Problem 404 for one that we did not make, Refused 410 for one that is too old."""
    named_by = secret.links.read(token)
    if named_by is None:
        raise _not_ours()
    case_id, nth = named_by
    return answerable(await outcomes.get(case_id), nth)


async def _answer(
    running: Running, outcomes: Outcomes, case: CaseOutcome, survey: Survey, given: Answers, rules: Rules
) -> CaseOutcome:
    asked = Change[CaseOutcome](
        key=case.case_id,
        decide=partial(answer, nth=survey.nth, given=given, rules=rules),
        cause=named("answer", survey.id, given.model_dump_json()),
        trace=current_trace(),
    )
    return await _made(running, outcomes, asked)


async def _made(running: Running, outcomes: Outcomes, asked: Change[CaseOutcome]) -> CaseOutcome:
    outcome: Outcome[CaseOutcome] = await running.submit(outcomes, asked)
    assert outcome.state is not None
    return outcome.state


def _told(case: CaseOutcome, nth: int) -> dict[str, Any]:
    _, survey = answerable(case, nth)
    return {"survey_id": survey.id, "number": case.number, "status": survey.status, "revision": survey.revision}


def _notice(request: Request, error: BaseException, lang: str | None, case: CaseOutcome | None) -> Response:
    problem = problem_of(error)
    spoken = case.language if case else request.headers.get("accept-language", "zh")
    language, number = pages.language_of(lang, spoken), case.number if case else ""
    answer = pages.notice(language, problem.type, problem.status, number)
    answer.headers.update(problem.headers)
    return answer


def _improvements(doors: APIRouter, running: Running, outcomes: Outcomes) -> None:
    @doors.get("/v1/improvements", tags=["improvements"])
    async def search(
        by: Reader,
        status: Literal["open", "closed"] | None = None,
        person: Word = None,
        department: Department | None = None,
        overdue: bool | None = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        person = _own(by, person)
        now = running.core.clock()
        wanted: dict[str, Any] = {"status": status, "person": person, "department": department}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if overdue is not None:
            wanted |= _overdue(overdue, now)
        found = await outcomes.improvements(wanted, _cursor(after), limit + 1)
        return page([_improvement(*each, now) for each in found], limit, _position)

    @doors.get("/v1/improvements/{improvement_id}", tags=["improvements"])
    async def one(by: Reader, improvement_id: str) -> Any:
        case = await _improving(outcomes, improvement_id)
        shown = _shown(case, improvement_id, running.core.clock())
        if by.role == "agent":
            for_himself(by, shown["person"])
        return shown

    @doors.patch("/v1/improvements/{improvement_id}", tags=["improvements"], openapi_extra=takes(Changed))
    async def alter(request: Request, by: Improver, improvement_id: str) -> Response:
        value = await read_body(request)
        changed = body_of(Changed, value)

        async def make() -> tuple[int, Any]:
            return 200, await _change(running, outcomes, improvement_id, changed, by)

        return await running.idempotency.answer(request, by, value, make)


def _own(by: Principal, agent: str | None) -> str | None:
    """The agent whose things are shown: an agent sees his own only."""
    if by.role != "agent":
        return agent
    if agent is not None:
        for_himself(by, agent)
        return agent
    if by.agent is None:
        raise Forbidden(403, "this key is bound to no agent; name the one it speaks for")
    return by.agent


def _overdue(overdue: bool, now: datetime) -> dict[str, Any]:
    """Closed ones are not overdue; asked for what is not overdue, they count in."""
    late = {"status": "open", "due_at": {"$lt": now}}
    return late if overdue else {"due_at": {"$gte": now}}


def _cursor(after: str) -> tuple[datetime, str] | None:
    if not after:
        return None
    try:
        due_at, _, id_ = after.partition("|")
        return datetime.fromisoformat(due_at), id_
    except ValueError:
        raise Problem(422, "invalid", "after: what `next` said is wanted", field="after") from None


def _position(item: dict[str, Any]) -> str:
    return f"{item['due_at']}|{item['improvement_id']}"


async def _improving(outcomes: Outcomes, id_: str) -> CaseOutcome:
    case = await outcomes.with_improvement(id_)
    if case is None:
        raise Problem(404, "unknown_improvement", f"there is no improvement {id_[:64]}", field="improvement_id")
    return case


async def _change(running: Running, outcomes: Outcomes, id_: str, changed: Changed, by: Principal) -> dict[str, Any]:
    case = await _improving(outcomes, id_)
    asked = Change[CaseOutcome](
        key=case.case_id,
        decide=partial(change, id_=id_, changed=changed, by=by.name),
        cause=named("improve", id_, changed.model_dump_json(), wire(running.core.clock())),
        trace=current_trace(),
    )
    return _shown(await _made(running, outcomes, asked), id_, running.core.clock())


def _shown(case: CaseOutcome, id_: str, now: datetime) -> dict[str, Any]:
    improvement = case.improvement(id_)
    assert improvement is not None
    return _improvement(case, improvement, now)


def _improvement(case: CaseOutcome, improvement: Improvement, now: datetime) -> dict[str, Any]:
    shown = {name: wire(v) if isinstance(v, datetime) else v for name, v in improvement.model_dump().items()}
    survey = next((s for s in case.surveys if s.id == improvement.survey_id), None)
    return {
        "improvement_id": shown.pop("id"),
        **case.ids,
        "category": list(case.category),
        **shown,
        "overdue": improvement.status == "open" and improvement.due_at < now,
        "scores": survey.scores.model_dump() if survey else {},
        "words": survey.words if survey else "",
        "similar": [similar.model_dump() for similar in case.similar],
        "suggestions": [suggestion.model_dump() for suggestion in case.suggestions],
    }


def _figures(doors: APIRouter, running: Running, outcomes: Outcomes, rules: Live[Rules]) -> None:
    @doors.get("/v1/kpis", tags=["figures"])
    async def kpis(
        who_asks: Reader,
        from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        to: Annotated[str | None, Query(max_length=40)] = None,
        by: By = "agent",
        agent: Word = None,
        limit: Limit = 500,
        after: After = "",
    ) -> Any:
        """What each figure means: `domain/figures.py`."""
        agent, kpi = _own(who_asks, agent), rules().kpis
        span = span_of(from_, to, running.core.clock(), kpi.zone)
        groups = [g for g in await outcomes.groups(span, by, kpi.satisfied, agent) if g.position > after]
        whole = figures(await outcomes.whole(span, kpi.satisfied, agent))
        shown = page(groups, limit, lambda group: str(group.position))
        told = {"from": wire(span.start), "to": wire(span.end), "zone": kpi.zone, "by": by, "whole": asdict(whole)}
        return told | {"items": [_group(group) for group in shown["items"]], "next": shown["next"]}


def _group(group: Group) -> dict[str, Any]:
    return {"key": group.key, "name": group.name, "team": group.team, **asdict(group.figures)}


def _reports(doors: APIRouter, running: Running, outcomes: Outcomes, rules: Live[Rules]) -> None:
    @doors.get("/reports/{month}", tags=["reports"], response_class=HTMLResponse)
    async def report(_: ReportReader, month: str, lang: Language = None) -> Response:
        """`2026-11` is a page, `2026-11.json` and `2026-11.csv` are the same figures."""
        name, _dot, ending = month.partition(".")
        if ending not in FORMS:
            raise Problem(404, "not_found", f"there is no .{ending[:10]} of a report; there are .json and .csv")
        language = pages.language_of(lang, "zh")
        drawn = await reports.draw(outcomes, name, running.core.clock(), rules(), language)
        return FORMS[ending](language, drawn)


def _csv(_: pages.Language, drawn: Report) -> Response:
    name = f'attachment; filename="report-{drawn.month}.csv"'
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    return Response("\ufeff" + reports.table(drawn), media_type="text/csv", headers={"Content-Disposition": name})


FORMS: dict[str, Callable[[pages.Language, Report], Response]] = {
    "": pages.report,
    "json": lambda _, drawn: Json(reports.plain(drawn)),
    "csv": _csv,
}
