"""What runs for ever must end when it is told to."""

import asyncio


def end_if_told() -> None:
    """A driver may take a cancellation for a broken connection and raise that; it still ends the task."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
