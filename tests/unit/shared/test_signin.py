"""PF-1: a browser signs in once, and lands where it wanted to go on this host and nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml
from fastapi import FastAPI

from shared import signin
from shared.access import COOKIE, Keys, new_key

KEY, ENTRY = new_key("王芳", "supervisor", None)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump([ENTRY]))
    app = FastAPI()
    app.include_router(signin.router(Keys(tmp_path / "keys.yaml")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def landing(browser: httpx.AsyncClient, **params: str) -> str:
    answer = await browser.post("/signin", params=params, data={"key": KEY})
    assert (answer.status_code, COOKIE in answer.cookies) == (303, True)
    return answer.headers["location"]


async def test_who_wanted_nothing_else_lands_at_the_doors(browser: httpx.AsyncClient) -> None:
    assert await landing(browser) == "/docs"


@pytest.mark.parametrize("path", ["/", "/reports/2026-11", "/reports/2026-11?lang=en&x=//y", "/a%20b"])
async def test_a_browser_lands_where_it_wanted_to_go(browser: httpx.AsyncClient, path: str) -> None:
    assert await landing(browser, next=path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "reports", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "https://evil.example", "javascript:alert(1)", " //evil.example", "/\r\nSet-Cookie: x=y", "/x\n",
    ],
)  # fmt: skip
async def test_no_link_leads_a_browser_elsewhere(browser: httpx.AsyncClient, path: str) -> None:
    assert await landing(browser, next=path) == "/docs"
    form = await browser.get("/signin", params={"next": path})
    assert 'action="/signin?next=/docs"' in form.text


async def test_after_a_wrong_key_the_way_is_still_known(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/signin", params={"next": '/reports/"><b>'}, data={"key": "sb_guess"})
    assert answer.status_code == 401
    assert 'action="/signin?next=/reports/%22%3E%3Cb%3E"' in answer.text
