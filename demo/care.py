"""Starts again what has died of the stack, as an orchestrator would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from deploy.local import state
from deploy.local.errors import LocalStackError
from deploy.local.stack import Stack

EVERY_S = 2.0


def dead(stack: Stack) -> list[str]:
    known = state.load(stack.paths)
    return [name for name, part in {**known.infrastructure, **known.services}.items() if not part.alive()]


async def care(stack: Stack, say: Callable[[str], None]) -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        if names := await asyncio.to_thread(dead, stack):
            say(f"{', '.join(names)} died; starting again")
            try:
                await asyncio.to_thread(stack.up)
            except LocalStackError as error:
                say(f"that did not work: {error}")
