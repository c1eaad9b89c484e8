"""The manners of every HTTP door (CONTRACTS section 3)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import pytest
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pymongo.errors import ServerSelectionTimeoutError

from shared import signin
from shared.access import COOKIE, Keys, Principal, new_key
from shared.decisions import Refused
from shared.fold import Change
from shared.http import (
    GROUP_LIMIT,
    After,
    Grouped,
    Idempotency,
    Limit,
    Problem,
    body_of,
    install_problems,
    page,
    read_body,
    who,
)
from tests.unit.shared.memory import MemoryStore
from tests.unit.shared.tally import Bug, Tally, TestClock, add, event, fail, fold_into, refuse

KEYS = {role: new_key(role, role, None) for role in ("agent", "supervisor", "auditor", "admin", "channel")}


class Item(BaseModel):
    name: str
    n: int = 0


class MemoryAnswers:
    """As much of a database as the kept answers need."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def get_collection(self, name: str, **_: Any) -> "MemoryAnswers":
        return self

    async def find_one(self, query: dict[str, Any]) -> dict[str, Any] | None:
        return self.kept.get(query["_id"])

    async def update_one(self, query: dict[str, Any], change: dict[str, Any], upsert: bool = False) -> None:
        if upsert:
            self.kept.setdefault(query["_id"], dict(change["$setOnInsert"]))
        elif "status" not in self.kept[query["_id"]]:
            self.kept[query["_id"]] |= change["$set"]

    async def delete_one(self, query: dict[str, Any]) -> None:
        if "status" not in self.kept[query["_id"]]:
            del self.kept[query["_id"]]


class Desk:
    def __init__(self, directory: Path) -> None:
        self.app = FastAPI()
        self.logged: list[BaseException] = []
        self.made: list[Any] = []
        self.idempotency = Idempotency(MemoryAnswers())
        keys = directory / "keys.yaml"
        keys.write_text(yaml.safe_dump([entry for _, entry in KEYS.values()]))
        self.app.state.keys = Keys(keys)
        install_problems(self.app, self.logged.append)
        self.app.include_router(signin.router(self.app.state.keys))
        self._doors()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    def _doors(self) -> None:
        errors = {
            "refused": Refused("wrong_transition", "a closed case can be reopened", field="status"),
            "problem": Problem(429, "overload", "slower", headers={"Retry-After": "2"}),
            "away": ServerSelectionTimeoutError("no replica set"),
            "bug": Bug("with a secret inside"),
        }

        @self.app.get("/errors/{kind}")
        async def fails(kind: str) -> None:
            if kind == "state":
                Item.model_validate({})
            raise errors[kind]

        @self.app.post("/items")
        async def make(request: Request, by: Annotated[Principal, who("agent")]) -> Response:
            body = await read_body(request)
            item = body_of(Item, body)

            async def answer() -> tuple[int, Any]:
                self.made.append(item)
                if item.n < 0:
                    raise Refused("negative", "n from 0 on", field="n", status=422)
                return 201, {"made": len(self.made)}

            return await self.idempotency.answer(request, by, body, answer, final=lambda _: item.name != "half")

        @self.app.get("/items")
        async def some(
            _: Annotated[Principal, who("supervisor", writes=False)], limit: Limit = 2, after: After = ""
        ) -> Any:
            there = [n for n in range(10) if str(n) > after]
            return page(there[: limit + 1], limit, str)

    async def post(self, content: Any, role: str = "agent", **headers: str) -> httpx.Response:
        raw = content if isinstance(content, bytes) else orjson.dumps(content)
        return await self.client.post(
            "/items", content=raw, headers={"Authorization": f"Bearer {KEYS[role][0]}", **headers}
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    await desk.client.aclose()


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["type"].removeprefix("/problems/"), body.get("field")


# Problems


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("refused", (409, "wrong_transition", "status")),
        ("problem", (429, "overload", None)),
        ("away", (503, "unavailable", None)),
        ("bug", (500, "internal", None)),
    ],
)
async def test_every_error_is_a_problem_document(desk: Desk, kind: str, told: tuple[Any, ...]) -> None:
    assert problem(await desk.client.get(f"/errors/{kind}")) == told


async def test_an_error_of_ours_is_logged_and_not_told(desk: Desk) -> None:
    answer = await desk.client.get("/errors/bug")
    assert "secret" not in answer.text
    assert [type(error) for error in desk.logged] == [Bug]


async def test_what_the_caller_can_mend_is_not_logged_as_an_error(desk: Desk) -> None:
    for kind in ("refused", "problem", "away"):
        await desk.client.get(f"/errors/{kind}")
    assert desk.logged == []


async def test_a_state_that_can_not_be_read_is_our_error_and_not_the_callers(desk: Desk) -> None:
    assert problem(await desk.client.get("/errors/state")) == (500, "internal", None)


async def test_the_store_being_away_says_when_to_try_again(desk: Desk) -> None:
    assert (await desk.client.get("/errors/away")).headers["retry-after"]


async def test_an_unknown_path_and_a_wrong_method_are_problems(desk: Desk) -> None:
    assert problem(await desk.client.get("/nowhere")) == (404, "not_found", None)
    assert problem(await desk.client.delete("/items")) == (405, "method_not_allowed", None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", (400, "bad_json", None)),
        (b"", (400, "bad_json", None)),
        (b"\xff", (400, "bad_json", None)),
        (b"[]", (422, "invalid", "body")),
        (b"{}", (422, "invalid", "name")),
        (b'{"name": 7}', (422, "invalid", "name")),
        (b'{"name": "x", "n": "many"}', (422, "invalid", "n")),
        (b'{"name": "x", "more": ' + b"[" * 40 + b"]" * 40 + b"}", (422, "too_deep", None)),
        (b'{"name": "' + b"x" * 300_000 + b'"}', (413, "too_large", None)),
        (b'{"name": "x", "a\\u0000": 1}', (422, "invalid", None)),
        (b'{"name": "x", "n": -1}', (422, "negative", "n")),
    ],
)
async def test_a_bad_body_names_the_field_at_fault(desk: Desk, body: bytes, told: tuple[Any, ...]) -> None:
    status, type_, field = problem(await desk.post(body))
    assert (status, type_) == told[:2]
    assert told[2] is None or field == told[2]


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=many", "after=" + "x" * 300])
async def test_a_bad_query_names_its_parameter(desk: Desk, query: str) -> None:
    answer = await desk.client.get(f"/items?{query}", headers={"Authorization": f"Bearer {KEYS['supervisor'][0]}"})
    assert problem(answer) == (422, "invalid", query.split("=", maxsplit=1)[0])


# Access


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer sb_guess"}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}]
)
async def test_without_a_known_key_the_door_stays_shut(desk: Desk, headers: dict[str, str]) -> None:
    answer = await desk.client.get("/items", headers=headers)
    assert problem(answer)[:2] == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_role_that_may_not_is_told_who_may(desk: Desk) -> None:
    answer = await desk.post({"name": "x"}, role="channel")
    assert problem(answer)[:2] == (403, "forbidden")
    assert "agent" in answer.json()["detail"]
    assert desk.made == []


async def test_an_auditor_reads_and_does_not_write(desk: Desk) -> None:
    key = {"Authorization": f"Bearer {KEYS['auditor'][0]}"}
    assert (await desk.client.get("/items", headers=key)).status_code == 200
    assert (await desk.post({"name": "x"}, role="auditor")).status_code == 403


async def test_a_browser_comes_in_with_its_cookie(desk: Desk) -> None:
    desk.client.cookies.set(COOKIE, KEYS["supervisor"][0])
    assert (await desk.client.get("/items")).status_code == 200


HTML = {"Accept": "text/html,application/xhtml+xml"}


async def test_a_browser_without_a_key_signs_in_first_and_comes_back(desk: Desk) -> None:
    answer = await desk.client.get("/items?limit=3&after=%E4%B8%80", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/signin?next=/items%3Flimit%3D3%26after%3D%25E4%25B8%2580",
    )  # fmt: skip
    signed = await desk.client.post(answer.headers["location"], data={"key": KEYS["supervisor"][0]})
    assert (signed.status_code, signed.headers["location"]) == (303, "/items?limit=3&after=%E4%B8%80")


async def test_a_program_without_a_key_is_told_so(desk: Desk) -> None:
    for headers in ({"Accept": "application/json"}, {}, HTML | {"Authorization": "Bearer sb_guess"}):
        assert problem(await desk.client.get("/items", headers=headers))[:2] == (401, "unauthenticated")
    assert problem(await desk.client.post("/items", json={}, headers=HTML))[0] == 401


# Pages


@given(st.lists(st.integers(), max_size=30, unique=True).map(sorted), st.integers(1, 7))
def test_pages_show_everything_once_and_end(items: list[int], limit: int) -> None:
    shown: list[int] = []
    after: int | None = None
    for _ in range(len(items) + 2):
        rest = [item for item in items if after is None or item > after]
        answer = page(rest[: limit + 1], limit, str)
        assert len(answer["items"]) <= limit
        shown += answer["items"]
        if answer["next"] is None:
            break
        after = int(answer["next"])
    assert shown == items


# Idempotency


async def test_the_same_key_and_body_get_the_same_answer_and_are_done_once(desk: Desk) -> None:
    answers = [await desk.post({"name": "x", "n": 1}, **{"Idempotency-Key": "a"}) for _ in range(3)]
    answers.append(await desk.post({"n": 1, "name": "x"}, **{"Idempotency-Key": "a"}))
    assert {(a.status_code, a.content) for a in answers} == {(201, b'{"made":1}')}
    assert len(desk.made) == 1


async def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    await desk.post({"name": "x"}, **{"Idempotency-Key": "a"})
    assert problem(await desk.post({"name": "y"}, **{"Idempotency-Key": "a"})) == (
        422,
        "idempotency_key_reused",
        "Idempotency-Key",
    )
    assert len(desk.made) == 1


async def test_a_key_belongs_to_its_sender_and_its_door(desk: Desk) -> None:
    await desk.post({"name": "x"}, **{"Idempotency-Key": "a"})
    await desk.post({"name": "x"}, role="admin", **{"Idempotency-Key": "a"})
    assert len(desk.made) == 2


async def test_the_same_request_with_another_query_is_another_request(desk: Desk) -> None:
    """What was only tried must not answer for what is meant."""
    headers = {"Authorization": f"Bearer {KEYS['agent'][0]}", "Idempotency-Key": "a"}
    await desk.client.post("/items?dry_run=true", json={"name": "x"}, headers=headers)
    await desk.client.post("/items", json={"name": "x"}, headers=headers)
    assert len(desk.made) == 2


async def test_without_a_key_each_request_is_its_own(desk: Desk) -> None:
    await desk.post({"name": "x"})
    await desk.post({"name": "x"})
    assert len(desk.made) == 2


async def test_a_key_given_back_by_a_refusal_takes_the_mended_body(desk: Desk) -> None:
    assert (await desk.post({"name": "x", "n": -1}, **{"Idempotency-Key": "m"})).status_code == 422
    assert (await desk.post({"name": "x", "n": 2}, **{"Idempotency-Key": "m"})).status_code == 201


async def test_a_refusal_is_not_kept(desk: Desk) -> None:
    for _ in range(2):
        assert (await desk.post({"name": "x", "n": -1}, **{"Idempotency-Key": "a"})).status_code == 422
    assert len(desk.made) == 2


async def test_an_answer_that_is_not_final_is_told_and_not_kept(desk: Desk) -> None:
    answers = [await desk.post({"name": name}, **{"Idempotency-Key": "a"}) for name in ("half", "half", "x", "x")]
    assert [answer.json()["made"] for answer in answers] == [1, 2, 3, 3]
    assert {answer.status_code for answer in answers} == {201}


# Grouping


def command(n: int = 1, key: str = "k", decide: Any = None, **more: Any) -> Change[Tally]:
    return Change(key, decide or partial(add, n=n), f"c{n}", **more)


class Group:
    def __init__(self, trouble: Any = lambda _: None) -> None:
        self.store = MemoryStore(TestClock(), trouble=trouble)
        self.heard: list[str] = []
        self.grouped = Grouped(self.store, self.hear)  # type: ignore[arg-type]

    async def hear(self, outcomes: Any) -> None:
        self.heard += [o.status for o in outcomes]

    async def all(self, *changes: Change[Tally]) -> list[Any]:
        return await asyncio.gather(*(self.grouped.submit(change) for change in changes), return_exceptions=True)


async def test_writes_of_one_moment_are_one_batch_in_their_order() -> None:
    group = Group()
    outcomes = await group.all(*(command(n) for n in range(1, 51)))
    assert [o.state.total for o in outcomes] == [n * (n + 1) // 2 for n in range(1, 51)]
    assert len(group.store.batches) == 1
    assert len(group.heard) == 50


async def test_a_batch_has_an_end() -> None:
    group = Group()
    await group.all(*(command() for _ in range(GROUP_LIMIT + 1)))
    assert [len(batch) for batch in group.store.batches] == [GROUP_LIMIT, 1]


async def test_one_callers_refusal_or_error_is_not_the_others() -> None:
    group = Group()
    told = await group.all(command(1), command(decide=refuse), command(decide=fail), command(4))
    assert [type(one).__name__ for one in told] == ["Outcome", "Refused", "Bug", "Outcome"]
    state = group.store.document("k").state
    assert state
    assert state.total == 5


async def test_a_store_that_is_away_is_told_to_every_caller_and_asked_once() -> None:
    asked = []

    def trouble(changes: Any) -> None:
        asked.append(len(changes))
        raise ServerSelectionTimeoutError("away")

    told = await Group(trouble).all(command(), command())
    assert [type(one) for one in told] == [ServerSelectionTimeoutError] * 2
    assert asked == [2]


async def test_a_write_to_a_parked_key_is_to_be_tried_again_later() -> None:
    group = Group()
    fold_into(group.store, event("numbers.v1", 1, broken=True))
    (told,) = await group.all(command())
    assert isinstance(told, Problem)
    assert (told.status, "Retry-After" in told.headers) == (503, True)


async def test_more_than_can_wait_is_turned_away() -> None:
    group = Group()
    group.grouped._waiting = [None] * 5000  # type: ignore[list-item]
    with pytest.raises(Problem) as told:
        await group.grouped.submit(command())
    assert (told.value.status, "Retry-After" in told.value.headers) == (429, True)


async def test_a_caller_who_left_harms_nobody() -> None:
    group = Group()
    gone = asyncio.create_task(group.grouped.submit(command(1)))
    stays = asyncio.create_task(group.grouped.submit(command(2)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).state.total == 3
