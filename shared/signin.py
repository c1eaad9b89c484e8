"""A browser signs in with an access key and keeps it in a cookie that no script and no other site can use."""

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.access import COOKIE, Forbidden, Keys

MOST_BYTES = 4096
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>登录 · Sign in</title><style>body{{font:16px system-ui;max-width:24rem;margin:15vh auto;padding:0 1rem}}
input,button{{font:inherit;
width:100%;box-sizing:border-box;padding:.6rem;margin:.3rem 0}}.wrong{{color:#a00}}</style>
<h1>登录 · Sign in</h1><p class="wrong" role="alert">{wrong}</p><form method="post" action="/signin">
<label>访问密钥 · Access key
<input name="key" type="password" autocomplete="current-password" required autofocus></label>
<button>登录 · Sign in</button></form></html>"""


def router(keys: Keys) -> APIRouter:
    doors = APIRouter(tags=["access"], include_in_schema=False)

    @doors.get("/signin")
    async def form() -> Response:
        return HTMLResponse(PAGE.format(wrong=""))

    @doors.post("/signin")
    async def sign_in(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body = (body + piece)[:MOST_BYTES]
        plain = parse_qs(body.decode(errors="replace")).get("key", [""])[0]
        try:
            keys.principal(plain)
        except Forbidden as error:
            return HTMLResponse(PAGE.format(wrong=escape(str(error))), error.status)
        answer = RedirectResponse("/docs", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, plain, httponly=True, samesite="strict", secure=secure, max_age=12 * 3600)
        return answer

    return doors
