"""At overload some are told to come again, and those let in are served: a bound on requests and on bytes of bodies.

How many writes wait is bounded where they are grouped (shared/http.py), item by item.
"""

import asyncio
from typing import Any

from shared.http import unavailable

MOST_REQUESTS = 500
MOST_BYTES = 32 * 1024 * 1024
"""Of bodies that are being worked on at once. JSON takes several times its length in memory."""
ALWAYS_OPEN = frozenset({"/livez", "/readyz", "/metrics"})


class Admission:
    """ASGI middleware: 503 with Retry-After beyond the bounds and at a stop. Health doors answer always."""

    def __init__(self, app: Any, *, requests: int = MOST_REQUESTS, bytes_: int = MOST_BYTES) -> None:
        self._app, self._most_requests, self._most_bytes = app, requests, bytes_
        self._requests = self._bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS_OPEN:
            await self._app(scope, receive, send)
        elif self._requests >= self._most_requests:
            await unavailable("too many requests at once; try again").answer()(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Any, receive: Any, send: Any) -> None:
        taken = 0

        async def counted() -> Any:
            nonlocal taken
            message = await receive()
            size = len(message.get("body", b""))
            if self._bytes + size > self._most_bytes:
                raise unavailable("too many bytes at once; try again")
            taken, self._bytes = taken + size, self._bytes + size
            return message

        self._requests += 1
        try:
            await self._serve(scope, counted, send)
        finally:
            self._requests, self._bytes = self._requests - 1, self._bytes - taken

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Whoever is not answered when a stop can't wait any longer is told so: he may ask another process the same."""
        answered = False

        async def noted(message: Any) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if answered:
                raise
            await unavailable("this process is leaving; ask again").answer()(scope, receive, send)
