"""A customer system behind HTTP.

    POST <url> {"facts": {"order": "A1"}, "points": ["phone:+8613800138000"]}
    200 {"source": "crm", "customer": {"id": "C1", "tier": "gold", "entitlements": [...]}, "facts": {"order": {...}}}

What is not that answer (another status, a redirect, too many bytes, too late) is none, and counts against the breaker.
"""

import asyncio
import logging
import time

import httpx
from pydantic import ValidationError

from services.intake.domain.found import Found
from services.intake.lookup.breaker import Breaker
from services.intake.lookup.look import Query

log = logging.getLogger(__name__)
MOST_BYTES = 64 * 1024
MOST_AT_ONCE = 20


class HttpLookUp:
    def __init__(
        self, url: str, key: str, within_s: float, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._within_s = within_s
        self._url, self._breaker, self._turn = url, Breaker(), asyncio.Semaphore(MOST_AT_ONCE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(
            timeout=within_s, headers=headers, follow_redirects=False, transport=transport,
            limits=httpx.Limits(max_connections=MOST_AT_ONCE),
        )  # fmt: skip

    async def look(self, query: Query) -> Found | None:
        async with self._turn:
            if not self._breaker.lets_through():
                return None
            began = time.monotonic()
            try:
                found = await self._ask(query)
            except asyncio.CancelledError:
                if time.monotonic() - began > self._within_s / 2:  # else it is our own queue that took too long
                    self._breaker.failed()
                raise
            except (httpx.HTTPError, ValidationError, ValueError) as error:
                self._breaker.failed()
                log.warning("the customer system gave no answer: %s", _plainly(error))
                return None
            self._breaker.worked()
            return found

    async def _ask(self, query: Query) -> Found:
        asked = {"facts": dict(query.facts), "points": list(query.points)}
        async with self._client.stream("POST", self._url, json=asked) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES} bytes")
        return Found.model_validate_json(bytes(body))

    async def close(self) -> None:
        await self._client.aclose()


def _plainly(error: Exception) -> str:
    """Without what it was about: that is the customer's."""
    if isinstance(error, ValidationError):
        return "it is not of the form that is wanted: " + ", ".join(
            ".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False, include_url=False)
        )
    return f"{type(error).__name__}: {error}"
