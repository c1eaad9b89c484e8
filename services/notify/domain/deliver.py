"""A message on its way: queued -> sending -> sent, and everything that may come between.

Each recipient of a case is told one thing after the other, so nobody reads "resolved" before "assigned"; recipients do
not wait for each other. A provider is asked only by whoever moved the message to `sending`. If it stays open whether a
provider took it, only that provider may be asked again, and only if it recognises repeats; else the message is
`unknown` and a person settles it.
Every answer names its attempt: the answer to an attempt that is over changes nothing.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from services.notify.domain import log
from services.notify.domain.casefile import Casefile, Message
from services.notify.domain.events import given_out
from services.notify.domain.rules import Provider, Rules
from services.notify.domain.together import then
from shared.decisions import Decision, Refused
from shared.events.notifications import NotificationFailed, NotificationSent, NotificationUnknown

Failure = Literal["untried", "temporary", "permanent", "open"]
"""untried: not asked at all. temporary, permanent: not taken, for certain. open: it may have been taken."""

LEFT_BEHIND = "left_behind"
_NONE: dict[str, Any] = {"taken_by": "", "taken_at": None}


def heads(state: Casefile) -> tuple[Message, ...]:
    """The messages whose turn it is: the first of each recipient."""
    first: dict[tuple[str, str], Message] = {}
    for message in state.messages:
        if message.state != "unknown":
            first.setdefault((message.channel, message.to), message)
    return tuple(first.values())


def due(state: Casefile) -> datetime | None:
    """When somebody must look at it: to send, to try again, or because a lease has ended."""
    return min((m.next_at for m in heads(state) if m.next_at), default=None)


def pending(state: Casefile, now: datetime, busy: Collection[str] = ()) -> tuple[Message, ...]:
    """What may be taken now. `busy`: providers that have enough to do."""
    return tuple(m for m in _ripe(state, now, busy) if m.state == "queued")


def in_hand(state: Casefile, by: str) -> tuple[Message, ...]:
    """What `by` has taken and must send."""
    return tuple(m for m in state.messages if m.state == "sending" and m.taken_by == by)


def pick_up(
    state: Casefile,
    now: datetime,
    *,
    by: str,
    rules: Rules,
    recognising: Collection[str],
    busy: Collection[str] = (),
) -> Decision[Casefile]:
    """Look after what a dead process left behind, then take what is to be sent."""
    recovered = recover(state, now, recognising=recognising, busy=busy)
    return then(recovered, take(recovered.state, now, by=by, rules=rules, busy=busy))


def take(state: Casefile, now: datetime, *, by: str, rules: Rules, busy: Collection[str] = ()) -> Decision[Casefile]:
    """The next message of each recipient is `by`'s for its provider's lease."""
    decision = Decision(state)
    for message in pending(state, now, busy):
        decision = then(decision, _take(decision.state, message, now, by, rules))
    return decision


def _take(state: Casefile, message: Message, now: datetime, by: str, rules: Rules) -> Decision[Casefile]:
    provider = _provider(message, rules)
    if provider is None:
        return _give_up(state, message, now, "no_provider")
    update = {
        "state": "sending",
        "provider": provider,
        "tries": message.tries if provider == message.provider else 0,
        "attempt": message.attempt + 1,
        "taken_by": by,
        "taken_at": now,
        "next_at": now + timedelta(seconds=_how(provider, rules).lease_s),
    }
    return Decision(state.changed(message.model_copy(update=update)))


def sent(state: Casefile, now: datetime, *, id_: str, attempt: int, provider: str) -> Decision[Casefile]:
    """The provider has it. An answer that comes after the lease still counts while no further attempt was begun."""
    message = state.message(id_)
    if message is None or message.attempt != attempt or attempt == 0:
        return Decision(state)
    return _sent(state, message.model_copy(update={"provider": provider}), now)


def failed(
    state: Casefile,
    now: datetime,
    *,
    id_: str,
    attempt: int,
    failure: Failure,
    why: str,
    rules: Rules,
    recognising: Collection[str],
) -> Decision[Casefile]:
    """The provider did not take it, or may not have: again later, the second provider, or the end."""
    message = state.message(id_)
    if message is None or message.attempt != attempt or message.state != "sending":
        return Decision(state)
    if failure == "untried":
        return _again(state, message, now, 0.0, why)
    message = message.model_copy(update={"tries": message.tries + 1, "open": message.open or failure == "open"})
    if message.open and message.provider not in recognising:
        return _unknown(state, message, now, why)
    how = rules.channels.providers.get(message.provider)
    if failure != "permanent" and how is not None and message.tries < how.tries:
        return _again(state, message, now, how.pause(message.tries), why)
    return _unknown(state, message, now, why) if message.open else _elsewhere(state, message, now, why, rules)


def recover(
    state: Casefile, now: datetime, *, recognising: Collection[str], busy: Collection[str] = ()
) -> Decision[Casefile]:
    """Look after messages whose lease has ended: nobody answered whether the provider took them."""
    decision = Decision(state)
    for message in _ripe(state, now, busy):
        if message.state == "sending":
            decision = then(decision, _left_behind(decision.state, message, now, recognising))
    return decision


def _left_behind(state: Casefile, message: Message, now: datetime, recognising: Collection[str]) -> Decision[Casefile]:
    message = message.model_copy(update={"open": True})
    if message.provider in recognising:
        return _again(state, message, now, 0.0, LEFT_BEHIND)
    return _unknown(state, message, now, LEFT_BEHIND)


def settle(state: Casefile | None, now: datetime, *, id_: str, sent: bool, by: str) -> Decision[Casefile]:
    """A person found out what became of an unknown message: it was sent, or it is sent now.

    Refused (404) if there is no such message, (409) if its end is not unknown. Saying again that it was sent is
    no error.
    """
    message = state.message(id_) if state else None
    if state is None or (message is None and all(f.id != id_ for f in state.finished)):
        raise Refused("not_found", "there is no such notification", status=404)
    if message is None and sent and any(f.id == id_ and f.state == "sent" for f in state.finished):
        return Decision(state)
    if message is None or message.state != "unknown":
        now_is = message.state if message else next(f.state for f in state.finished if f.id == id_)
        raise Refused("not_unknown", f"only an unknown notification is settled; this one is {now_is}")
    if sent:
        return _sent(state, message, now, by=by, why=f"settled by {by}")
    message = message.model_copy(update={"open": False, "tries": 0})
    return _again(state, message, now, 0.0, f"settled by {by}: not sent", by=by)


def _ripe(state: Casefile, now: datetime, busy: Collection[str]) -> Iterator[Message]:
    return (m for m in heads(state) if m.provider not in busy and (m.next_at is None or m.next_at <= now))


def _how(provider: str, rules: Rules) -> Provider:
    return rules.channels.providers[provider]


def _provider(message: Message, rules: Rules) -> str | None:
    """The one it is with, unless the rules no longer name it."""
    named = _providers(message, rules)
    if message.provider in named or (message.open and message.provider in rules.channels.providers):
        return message.provider
    return None if message.open or not named else named[0]


def _providers(message: Message, rules: Rules) -> tuple[str, ...]:
    channel = rules.channels.channels.get(message.channel)
    return channel.providers if channel else ()


def _elsewhere(state: Casefile, message: Message, now: datetime, why: str, rules: Rules) -> Decision[Casefile]:
    """The next provider, which may be asked because this one certainly did not take it."""
    named = _providers(message, rules)
    later = named[named.index(message.provider) + 1 :] if message.provider in named else ()
    if not later:
        return _give_up(state, message, now, why)
    return _again(state, message.model_copy(update={"provider": later[0], "tries": 0}), now, 0.0, why)


def _again(
    state: Casefile, message: Message, now: datetime, pause: float, why: str, *, by: str = log.BY
) -> Decision[Casefile]:
    update = {"state": "queued", "next_at": now + timedelta(seconds=pause), "why": why, **_NONE}
    after = message.model_copy(update=update)
    return Decision(state.changed(after), note=log.line("retry", after, now, why=why, by=by))


def _sent(state: Casefile, message: Message, now: datetime, *, by: str = log.BY, why: str = "") -> Decision[Casefile]:
    return Decision(
        state.finish(message, "sent", now, why=why),
        (given_out(NotificationSent, state, message, why=why),),
        log.line("sent", message, now, why=why, by=by),
    )


def _give_up(state: Casefile, message: Message, now: datetime, why: str) -> Decision[Casefile]:
    if message.open:
        return _unknown(state, message, now, why)
    return Decision(
        state.finish(message, "failed", now, why=why),
        (given_out(NotificationFailed, state, message, why=why),),
        log.line("failed", message, now, why=why),
    )


def _unknown(state: Casefile, message: Message, now: datetime, why: str) -> Decision[Casefile]:
    after = message.model_copy(update={"state": "unknown", "next_at": None, "why": why, **_NONE})
    return Decision(
        state.changed(after),
        (given_out(NotificationUnknown, state, after, why=why),),
        log.line("unknown", after, now, why=why),
    )
