"""HTTP as a patient outsider: a service that is away or busy is asked again until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

BUSY = frozenset({429, 502, 503, 504})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
TIMEOUT_S = 15.0
CONNECTIONS = 64


class Doors:
    """`env` holds INTAKE_URL, ROUTING_URL and SWITCHBOARD_KEY. All of our requests may be repeated."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.retries = 0
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {env['SWITCHBOARD_KEY']}", "Content-Type": "application/json"},
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def __aenter__(self) -> Doors:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        service: str,
        path: str,
        *,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The first answer that is not "away" or "busy"; waits for it as long as the caller does."""
        pause = FIRST_PAUSE_S
        while True:
            if (answer := await self._once(method, service + path, content, params)) is not None:
                return answer
            self.retries += 1
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _once(
        self, method: str, url: str, content: bytes | None, params: dict[str, str] | None
    ) -> httpx.Response | None:
        try:
            async with self._free:
                answer = await self._client.request(method, url, content=content, params=params)
        except httpx.TransportError:
            return None
        return None if answer.status_code in BUSY else answer

    async def contact(self, raw: bytes) -> httpx.Response:
        return await self.ask("POST", self.env["INTAKE_URL"], "/v1/contacts", content=raw)

    async def agents(self) -> list[dict[str, Any]]:
        """Everyone whom routing knows."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            params = {"limit": "500", "after": str(page["next"])}
            answer = await self.ask("GET", self.env["ROUTING_URL"], "/v1/agents", params=params)
            page = answer.raise_for_status().json()
            found += page["items"]
        return found

    async def case_of(self, source: str, id_: str) -> str | None:
        """The case in which a contact is visible, if any; not one in which it only waits."""
        answer = await self.ask("GET", self.env["INTAKE_URL"], "/v1/contacts", params={"source": source, "id": id_})
        body: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return None if "waiting" in body and "number" not in body else body.get("case_id")
