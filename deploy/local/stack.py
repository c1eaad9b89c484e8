"""The whole stack on one machine: broker, database, topics, a key, the services.

with running_stack() as stack:
    stack.env["INTAKE_URL"]
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deploy.local import broker, infrastructure, local_keys, readiness, reaper, services, state
from deploy.local.components import Component
from deploy.local.console import say
from deploy.local.errors import PortTaken, Refused
from deploy.local.infrastructure import Choice, Infrastructure
from deploy.local.locks import only_one
from deploy.local.paths import Paths, run_dir
from deploy.local.processes import ProcessRef, me
from deploy.local.services import SERVICES
from deploy.local.state import State

ANSWERS_WITHIN = 15.0
RULES = "SWITCHBOARD_RULES"
ADDRESSES = {"kafka": "SWITCHBOARD_KAFKA", "mongo": "SWITCHBOARD_MONGO"}


class Stack:
    """One stack per directory. Commands on the same directory wait for each other."""

    def __init__(
        self,
        directory: Path | None = None,
        environ: Mapping[str, str] | None = None,
        names: Iterable[str] = tuple(SERVICES),
    ) -> None:
        self.paths = Paths((directory or run_dir()).absolute())
        self._environ = dict(os.environ if environ is None else environ)
        self._names = tuple(names)
        self._state = State()
        self._saving = threading.Lock()

    @property
    def env(self) -> dict[str, str]:
        """What `.run/env` holds; empty while the stack is not up."""
        return read_env(self.paths.env)

    @property
    def how(self) -> str:
        return f"{self._state.how} ({self._state.why})"

    def running(self) -> bool:
        """Whether somebody already runs a stack here, be it with dead parts."""
        found = state.load(self.paths)
        return bool(found.infrastructure) and not found.abandoned

    def up(self, reset: bool = False, owner: ProcessRef | None = None) -> None:
        """Brings up what is missing or has died and returns when all is ready; what runs well is left alone.

        With `owner` a new stack belongs to that process. Raises LocalStackError; what runs by then stays for a look.
        """
        with only_one(self.paths.lock):
            self._take_over(owner, reset)
            self._bring_up_infrastructure()
            key = self._key() if self._names else ""
            self._bring_up_services()
            self._write_env(key)

    def down(self) -> list[str]:
        """Stops what `up` started and only that; returns the names. Raises Refused while another command owns it."""
        with only_one(self.paths.lock):
            self._state = state.load(self.paths)
            owner = self._state.owner
            if owner and owner.alive() and owner != me():
                raise Refused(f"this stack belongs to a command that still runs (pid {owner.pid}) and ends with it")
            return self._stop_all()

    def stop(self, owner: ProcessRef) -> None:
        """The end of the command that owns the stack; nothing if it is somebody else's by now."""
        with only_one(self.paths.lock):
            self._state = state.load(self.paths)
            if self._state.owner == owner:
                self._stop_all()

    def _take_over(self, owner: ProcessRef | None, reset: bool) -> None:
        self._state = state.load(self.paths)
        if self._state.abandoned:
            say("stopping what a command that died has left")
            self._stop_all()
        if reset:
            self._reset()
        if not self._state.infrastructure:
            self._state.owner = owner
        elif self._state.services:
            self._keep_rules()

    def _keep_rules(self) -> None:
        """All services of a stack follow the same rules, also the one that is started again."""
        known, wanted = self.env.get(RULES), self._environ.pop(RULES, None)
        if known:
            self._environ[RULES] = known
        if known != wanted:
            say(f"this stack goes on with {f'the rules of {known}' if known else 'the rules that are shipped'}")

    def _reset(self) -> None:
        choice = self._choice()
        if choice.how == "env":
            raise Refused("a reset empties only a broker and a database that were started here, not given addresses")
        owner = self._state.owner
        self._stop_all()
        infrastructure.wipe(choice.how, self.paths)
        self.paths.outbox.unlink(missing_ok=True)
        self._state.owner = owner
        say("starting from empty stores")

    def _choice(self) -> Choice:
        if not self._state.how:
            return infrastructure.choose(self._environ)
        for name, variable in ADDRESSES.items():
            part, wanted = self._state.infrastructure.get(name), self._environ.get(variable)
            if part and wanted and wanted != part.address:
                raise Refused(f"{variable} is set, but this stack runs on {part.address}: `switchboard down` first")
        return Choice(self._state.how, self._state.why)

    def _bring_up_infrastructure(self) -> None:
        choice = self._choice()
        known = self._state.infrastructure
        answers = {"kafka": readiness.kafka_answers, "mongo": readiness.mongo_answers}
        missing = {name: _port(known.get(name)) for name in answers if not _well(known.get(name), answers[name])}
        if missing:
            again = "again: " if known else ""
            say(f"starting {again}{' and '.join(missing)}, from {choice.how}: {choice.why}")
            self._state.how, self._state.why = choice.how, choice.why
            Infrastructure(choice, self.paths, self._environ, self._note).start(missing)

    def _note(self, name: str, part: Component) -> None:
        with self._saving:
            (self._state.infrastructure if name in infrastructure.NAMES else self._state.services)[name] = part
            state.save(self.paths, self._state)

    def _bring_up_services(self) -> None:
        if not self._names:
            return
        self._create_topics()
        environ = self._service_environ()
        known = self._state.services
        dead = [name for name in self._names if not _well(known.get(name), services.is_alive)]
        if dead:
            say(f"starting {', '.join(dead)}")
        for name in dead:
            self._start(name, environ)
        for name in self._names:
            self._see_ready(name, environ)

    def _start(self, name: str, environ: Mapping[str, str]) -> None:
        self._note(name, services.start(name, environ, self.paths, _port(self._state.services.get(name))))

    def _see_ready(self, name: str, environ: Mapping[str, str]) -> None:
        try:
            services.wait_ready(name, self._state.services[name], self.paths)
        except PortTaken:
            say(f"something else took the port of {name} meanwhile; starting it again on another")
            self._start(name, environ)
            services.wait_ready(name, self._state.services[name], self.paths)

    def _create_topics(self) -> None:
        # In a thread of its own, because the caller may be inside a running loop.
        with ThreadPoolExecutor(1) as thread:
            address = self._state.infrastructure["kafka"].address
            made = thread.submit(asyncio.run, broker.create_topics(address)).result()
        if made:
            say(f"created {len(made)} topics")

    def _service_environ(self) -> dict[str, str]:
        return {**self._environ, **self._shared_env(), "SWITCHBOARD_KEYS": str(self.paths.keys)}

    def _shared_env(self) -> dict[str, str]:
        parts = self._state.infrastructure
        return {
            **{variable: parts[name].address for name, variable in ADDRESSES.items()},
            "SWITCHBOARD_OUTBOX": str(self.paths.outbox),
        }

    def _write_env(self, key: str) -> None:
        values = self._shared_env()
        if self._names:
            running = self._state.services
            values |= {f"{name.upper()}_URL": running[name].address for name in self._names}
            values["SWITCHBOARD_KEY"] = key
            if rules := self._environ.get(RULES):
                values[RULES] = rules
            values["PIDS"] = ",".join(f"{name}={_pid(running[name])}" for name in self._names)
        state.write(self.paths.env, "".join(f"{key}={value}\n" for key, value in values.items()))

    def _key(self) -> str:
        known = self.env.get("SWITCHBOARD_KEY")
        return known if known and self.paths.keys.exists() else local_keys.admin_key(self.paths.keys)

    def _stop_all(self) -> list[str]:
        """Services first, then what they write to."""
        for group in (self._state.services, self._state.infrastructure):
            with ThreadPoolExecutor() as pool:
                list(pool.map(Component.stop, group.values()))
        stopped = [*self._state.services, *(n for n, part in self._state.infrastructure.items() if not part.given)]
        self._state = State()
        self.paths.state.unlink(missing_ok=True)
        self.paths.env.unlink(missing_ok=True)
        return sorted(stopped)


@contextmanager
def running_stack(
    reset: bool = False,
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
    names: Iterable[str] = tuple(SERVICES),
) -> Iterator[Stack]:
    """The stack that already runs here, which then stays, or a new one that ends with the block.

    A new one also ends with this process, whatever ends it. Raises LocalStackError.
    """
    stack = Stack(directory, environ, names)
    if stack.running():
        say("taking the stack that already runs here")
        stack.up(reset)
        yield stack
        return
    with reaper.watching(stack.paths.root), terminated_as_exit():
        try:
            stack.up(reset, owner=me())
            yield stack
        finally:
            stack.stop(me())


def read_env(file: Path) -> dict[str, str]:
    """A file of KEY=value lines; empty if there is none."""
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


@contextmanager
def terminated_as_exit() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that the stack is stopped before the command is gone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _well(part: Component | None, answers: Callable[[str], bool]) -> bool:
    """Whether it need not be started. One that was killed a moment ago still counts as alive, but no longer answers."""
    if part is None or not part.alive():
        return False
    readiness.wait_until(lambda: answers(part.address), ANSWERS_WITHIN, hopeless=lambda: not part.alive())
    return part.alive()


def _port(part: Component | None) -> int:
    return part.port if part else 0


def _pid(part: Component) -> int:
    return part.process.pid if part.process else 0
