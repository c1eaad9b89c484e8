"""The manners of every HTTP door: problems (RFC 9457), access, pages, idempotent writes, grouping.

Errors:
    Problem    an answer of 4xx or 5xx with a stable `type`; names the field at fault
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from shared import access
from shared.clock import utc_now
from shared.codec import check_tree
from shared.decisions import Refused
from shared.errors import TRANSIENT, Unreadable, WrongClock
from shared.events.contacts import MAX_RECORD_BYTES
from shared.fold import Change, Outcome
from shared.mongo import durable
from shared.signin import is_browser, signin_first
from shared.store import Store

M = TypeVar("M", bound=BaseModel)
GROUP_S = 0.003
GROUP_LIMIT = 500
WAITING_LIMIT = 5000
RETRY_AFTER_S = 2


class Json(Response):
    """Any content that orjson knows."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class Problem(Exception):
    def __init__(
        self,
        status: int,
        type_: str,
        detail: str,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.type, self.detail, self.field = status, type_, detail, field
        self.headers, self.more = headers or {}, more

    def body(self) -> dict[str, Any]:
        body = {
            "type": f"/problems/{self.type}",
            "title": self.type.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return body | ({"field": self.field} if self.field else {})

    def answer(self) -> Response:
        return Json(self.body(), self.status, self.headers, media_type="application/problem+json")


def unavailable(detail: str) -> Problem:
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def problem_of(error: BaseException) -> Problem:  # noqa: PLR0911 - one line per kind of error is the clearest table
    """Any error as what the caller is told."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(error.status, error.code, error.message, field=error.field)
        case Unreadable():
            field = _field_named(str(error)) if error.reason == "invalid" else None
            return Problem(413 if error.reason == "too_large" else 422, error.reason, str(error), field=field)
        case access.Forbidden():
            extra = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
            return Problem(
                error.status, "unauthenticated" if error.status == 401 else "forbidden", str(error), headers=extra
            )
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return Problem(
                error.status_code,
                {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "error"),
                str(error.detail),
            )
        case WrongClock():
            return unavailable(str(error))
        case _ if isinstance(error, TRANSIENT):
            return unavailable("the store is away or busy; try again")
        case _:
            return Problem(500, "internal", "an error of ours; it is logged")


def _field_named(text: str) -> str | None:
    """`channel: ...` names its field; a sentence without one names none."""
    name, colon, _ = text.partition(":")
    return name if colon and " " not in name else None


def _invalid(error: RequestValidationError | ValidationError) -> Problem:
    fault = error.errors()[0]
    steps = [str(s) for s in fault["loc"] if s not in ("body", "query", "path", "header")]
    field = ".".join(steps) or "body"
    return Problem(422, "invalid", f"{field}: {fault['msg'].removeprefix('Value error, ')}", field=field)


def install_problems(app: FastAPI, log_error: Callable[[BaseException], None]) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 500:
            log_error(error)
        if problem.status == 401 and request.method == "GET" and is_browser(request):
            return signin_first(request)
        return problem.answer()

    for kind in (
        Problem,
        Refused,
        Unreadable,
        access.Forbidden,
        RequestValidationError,
        HTTPException,
        *TRANSIENT,
        Exception,
    ):
        app.add_exception_handler(kind, answer)


async def read_body(request: Request, limit: int = MAX_RECORD_BYTES) -> Any:
    """The JSON of a request, as strictly read as a record: Problem or Unreadable for what can't be."""
    value = parsed(await read_bytes(request, limit))
    check_tree(value)
    return value


async def read_bytes(request: Request, limit: int) -> bytes:
    """A request's body as it came; Unreadable if it is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise Unreadable("too_large", f"the body is larger than {limit} bytes")
    return bytes(body)


def parsed(body: bytes) -> Any:
    """The JSON of a body, without a look at what it holds: for a list whose items are judged one by one."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "bad_json", f"the body is not JSON: {error}") from None


def body_of(model: type[M], value: Any) -> M:
    """A body as its model; the problem names the field at fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """For a door that reads its body itself: what the documentation says of it (`openapi_extra`)."""
    whole = model.model_json_schema()
    schema = _inlined({name: part for name, part in whole.items() if name != "$defs"}, whole.get("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(part: Any, parts: dict[str, Any]) -> Any:
    """A schema whose references are replaced by what they name."""
    if isinstance(part, list):
        return [_inlined(item, parts) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(parts[part["$ref"].rsplit("/", 1)[1]], parts)
    return {name: _inlined(item, parts) for name, item in part.items()}


Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))]


def who(*roles: str, writes: bool = True) -> Any:
    """A dependency: the principal, if its role may."""

    def dependency(request: Request, bearer: Bearer) -> access.Principal:
        keys: access.Keys = request.app.state.keys
        principal = keys.principal(bearer.credentials if bearer else request.cookies.get(access.COOKIE))
        access.check(principal, roles, writes)
        return principal

    return Depends(dependency)


def for_himself(principal: access.Principal, agent_id: str) -> None:
    """A key that is bound to an agent speaks for him alone; Forbidden(403) otherwise."""
    if principal.agent not in (None, agent_id):
        raise access.Forbidden(403, f"this key speaks for agent {principal.agent}, not for {agent_id}")


Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(max_length=200)]


def page(items: Sequence[Any], limit: int, cursor: Callable[[Any], str]) -> dict[str, Any]:
    """`{"items": [...], "next": ...}`; ask the store for one more than `limit` so that the end is known."""
    shown = list(items[:limit])
    return {"items": shown, "next": cursor(shown[-1]) if len(items) > limit else None}


class Grouped:
    """Groups the writes of a few milliseconds into one batch of the store, in their order."""

    def __init__(self, store: Store[Any], after: Callable[[Sequence[Outcome[Any]]], Awaitable[None]]) -> None:
        self._store, self._after = store, after
        self._waiting: list[tuple[Change[Any], asyncio.Future[Outcome[Any]]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, change: Change[Any]) -> Outcome[Any]:
        """The outcome of one change; raises Refused, Problem(503) when the key is parked, 429 at overload."""
        if len(self._waiting) >= WAITING_LIMIT:
            raise Problem(
                429, "overload", "too many writes wait; try again", headers={"Retry-After": str(RETRY_AFTER_S)}
            )
        future: asyncio.Future[Outcome[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return _checked(await future)

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(GROUP_S)
            group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
            await self._apply(group)

    async def _apply(self, group: Sequence[tuple[Change[Any], asyncio.Future[Outcome[Any]]]]) -> None:
        try:
            outcomes = await self._store.apply([change for change, _ in group])
            await self._after(outcomes)
        except Exception as error:  # noqa: BLE001 - every waiting caller hears of it
            if len(group) > 1 and not isinstance(error, TRANSIENT):
                for one in group:  # one caller's trouble is not the others'
                    await self._apply([one])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)


def _checked(outcome: Outcome[Any]) -> Outcome[Any]:
    if outcome.refused is not None:
        raise outcome.refused
    if outcome.status == "parked":
        raise unavailable("this key stands still after an error of ours; it is being looked at")
    return outcome


Make = Callable[[], Awaitable[tuple[int, Any]]]


class Idempotency:
    """Same key and body: same answer. Same key and another body: 422. Answers are kept for a day."""

    def __init__(self, database: Any) -> None:
        self._answers = durable(database, "answers")

    async def setup(self) -> None:
        await self._answers.create_index([("at", 1)], name="forget", expireAfterSeconds=86_400)

    async def answer(
        self,
        request: Request,
        principal: access.Principal,
        body: Any,
        make: Make,
        *,
        final: Callable[[Any], bool] = lambda _: True,
    ) -> Response:
        """The kept answer if there is one, else what `make` says (status, body), kept if it is a success.

        `body`: what was said, as JSON that is the same in any order, or as the bytes that came.

        `final`: whether a success would be told again for ever; one that may turn out better next time is not kept.
        """
        key = request.headers.get("idempotency-key")
        if not key:
            status, content = await make()
            return Json(content, status)
        door = f"{request.method} {request.url.path}?{request.url.query}"
        id_ = hashlib.sha256(f"{principal.name}\0{door}\0{key}".encode()).hexdigest()
        words = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        said = hashlib.sha256(words).hexdigest()
        claim = {"$setOnInsert": {"said": said, "at": utc_now()}}
        await self._answers.update_one({"_id": id_}, claim, upsert=True)
        kept = await self._answers.find_one({"_id": id_}) or {"said": said}
        if kept["said"] == said and "status" not in kept:
            kept = await self._make_and_keep(id_, said, make, final)
        if kept["said"] != said:
            raise Problem(
                422,
                "idempotency_key_reused",
                "this Idempotency-Key came with another body before",
                field="Idempotency-Key",
            )
        return Response(kept["body"], kept["status"], media_type="application/json")

    async def _make_and_keep(self, id_: str, said: str, make: Make, final: Callable[[Any], bool]) -> Any:
        """Do it, and keep the first answer. A refusal gives the key back: the caller may mend his body."""
        unanswered = {"_id": id_, "status": {"$exists": False}}
        try:
            status, content = await make()
        except Exception:
            await self._answers.delete_one(unanswered)
            raise
        made = {"said": said, "status": status, "body": orjson.dumps(content), "at": utc_now()}
        if not final(content):
            await self._answers.delete_one(unanswered)
            return made
        await self._answers.update_one(unanswered, {"$set": made})
        return await self._answers.find_one({"_id": id_}) or made
