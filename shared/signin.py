"""A browser signs in with an access key and keeps it in a cookie that no script and no other site can use."""

import re
from html import escape
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.access import COOKIE, Forbidden, Keys

MOST_BYTES = 4096
HOME = "/docs"
Next = Annotated[str, Query(alias="next")]
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>登录 · Sign in</title><style>body{{font:16px system-ui;max-width:24rem;margin:15vh auto;padding:0 1rem}}
input,button{{font:inherit;
width:100%;box-sizing:border-box;padding:.6rem;margin:.3rem 0}}.wrong{{color:#a00}}</style>
<h1>登录 · Sign in</h1><p class="wrong" role="alert">{wrong}</p><form method="post" action="/signin?next={next}">
<label>访问密钥 · Access key
<input name="key" type="password" autocomplete="current-password" required autofocus></label>
<button>登录 · Sign in</button></form></html>"""


def is_browser(request: Request) -> bool:
    """Somebody looks at a page; a program says what it takes, or sends its key in a header."""
    asks = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    return asks and "authorization" not in request.headers


def signin_first(request: Request) -> Response:
    """To the sign-in page, and from there back to what was asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    asked_for = quote(request.url.path, safe="/%") + query
    return RedirectResponse(f"/signin?next={quote(asked_for, safe='/')}", 303)


def local(path: str) -> str:
    """Where to go after signing in: nowhere but on this host. `//` and a backslash would lead a browser to another."""
    return path if re.fullmatch(r"/(?!/)[^\\\x00-\x20\x7f]*", path) else HOME


def _page(wrong: str, next_: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(wrong=escape(wrong), next=quote(local(next_), safe="/")), status)


def router(keys: Keys) -> APIRouter:
    doors = APIRouter(tags=["access"], include_in_schema=False)

    @doors.get("/signin")
    async def form(next_: Next = HOME) -> Response:
        return _page("", next_)

    @doors.post("/signin")
    async def sign_in(request: Request, next_: Next = HOME) -> Response:
        body = b""
        async for piece in request.stream():
            body = (body + piece)[:MOST_BYTES]
        plain = parse_qs(body.decode(errors="replace")).get("key", [""])[0]
        try:
            keys.principal(plain)
        except Forbidden as error:
            return _page(str(error), next_, error.status)
        answer = RedirectResponse(local(next_), 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, plain, httponly=True, samesite="strict", secure=secure, max_age=12 * 3600)
        return answer

    return doors
