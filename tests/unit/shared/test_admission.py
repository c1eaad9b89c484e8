"""At overload some are told to come again; whoever is let in is served, and health doors answer always."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from shared.admission import Admission
from shared.http import install_problems, read_bytes


class Desk:
    """A service whose one door keeps every caller until it is told to go on."""

    def __init__(self, requests: int = 2, bytes_: int = 100) -> None:
        self.go = asyncio.Event()
        app = FastAPI()
        app.add_middleware(Admission, requests=requests, bytes_=bytes_)
        install_problems(app, lambda _: None)

        @app.post("/work")
        async def work(request: Request) -> int:
            body = await read_bytes(request, 1000)
            await self.go.wait()
            return len(body)

        @app.get("/livez")
        async def livez() -> str:
            return "alive"

        self.app = app
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def at_once(self, *bodies: bytes) -> list[httpx.Response]:
        """The answers to these, which come while none of them is done."""
        asked = [asyncio.create_task(self.client.post("/work", content=body)) for body in bodies]
        for _ in range(20):
            await asyncio.sleep(0)
        assert (await self.client.get("/livez")).status_code == 200
        self.go.set()
        return await asyncio.gather(*asked)


@pytest.fixture
async def desk() -> AsyncIterator[Any]:
    desk = Desk()
    yield desk
    await desk.client.aclose()


def told(answers: list[httpx.Response]) -> list[int]:
    for answer in answers:
        assert (answer.status_code == 503) == ("retry-after" in answer.headers)
    return sorted(answer.status_code for answer in answers)


async def test_beyond_so_many_requests_the_rest_is_told_when_to_come_again(desk: Desk) -> None:
    assert told(await desk.at_once(*[b"x"] * 5)) == [200, 200, 503, 503, 503]


async def test_beyond_so_many_bytes_the_rest_is_told_when_to_come_again(desk: Desk) -> None:
    assert told(await desk.at_once(b"x" * 80, b"x" * 80)) == [200, 503]


async def test_who_is_not_answered_yet_when_the_process_leaves_is_told_to_ask_again(desk: Desk) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/work", "query_string": b"", "headers": []}
    serving = asyncio.create_task(desk.app(scope, receive, send))
    for _ in range(20):
        await asyncio.sleep(0)
    serving.cancel("the time for open requests is over")
    await serving
    assert (sent[0]["status"], b"retry-after" in dict(sent[0]["headers"])) == (503, True)


async def test_what_was_taken_up_is_given_back(desk: Desk) -> None:
    assert told(await desk.at_once(b"x" * 80, b"x" * 80)) == [200, 503]
    assert told(await desk.at_once(b"x" * 100)) == [200]
