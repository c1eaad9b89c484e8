"""What we promised the customer by word (SL-13), and what a third party promised us (SL-8): what, and until when."""

from datetime import datetime
from functools import partial

from services.sla.domain import clock
from services.sla.domain.rules import Rules
from services.sla.domain.targets import policy_of
from services.sla.domain.watch import MAX_LINE, Clock, Step, Watch, beginning, in_turn
from shared.clock import to_milliseconds

MOST_PROMISES = 20
"""Of one case at a time; the one that is due last makes room."""


def make(
    watch: Watch, at: datetime, until: datetime, rules: Rules, *, what: str | None = None, party: str | None = None
) -> Step:
    """Each promise is watched by itself: a second one does not take the first one's place."""
    watch = _with_room(watch, at)
    limit_s = max(0.0, (to_milliseconds(until) - at).total_seconds())
    return clock.start(
        watch, "promise", at, rules, limit_s=limit_s, policy=rules.reference(policy_of(watch, rules)),
        party=beginning(party, MAX_LINE) if party else None, promise=beginning(what, MAX_LINE) if what else None,
    )  # fmt: skip


def _with_room(watch: Watch, at: datetime) -> Watch:
    made = live(watch)
    if len(made) < MOST_PROMISES:
        return watch
    return watch.with_clock(made[-1].changed(state="ended", ended_at=at, remind_at=None))


def move(watch: Watch, at: datetime, until: datetime, rules: Rules) -> Step:
    """Word of a delay: the promise in question is due later, which is told as `clock.resumed`.

    One that was broken by then stays broken; the new word is a promise of its own, and so it is where there was none.
    """
    old = _in_question(watch)
    if old is None:
        return make(watch, at, until, rules)
    if old.state == "missed" or old.is_late(at):
        return make(_given_up(watch, old, at), at, until, rules, what=old.promise, party=old.party)
    return _moved(watch, old, at, until, rules)


def _given_up(watch: Watch, old: Clock, at: datetime) -> Watch:
    """Nobody will keep it any more, so nothing is told; one whose miss is still to be told stays for the timer."""
    return watch if old.state == "running" else watch.with_clock(old.changed(state="ended", ended_at=at))


def _moved(watch: Watch, old: Clock, at: datetime, until: datetime, rules: Rules) -> Step:
    limit_s = max(0.001, (to_milliseconds(until) - old.started_at).total_seconds())
    return clock.relimit(watch, old, at, rules, limit_s=limit_s, calendar=old.calendar, policy=old.policy)


def _in_question(watch: Watch) -> Clock | None:
    """While we wait for a third party, theirs; else what is due first of ours."""
    theirs = watch.status == "waiting_third_party"
    return next((made for made in live(watch) if (made.party is not None) == theirs), None)


def live(watch: Watch) -> list[Clock]:
    """All that are not over, what is due first in front."""
    made = [one for one in watch.live_clocks if one.target == "promise"]
    return sorted(made, key=lambda one: one.due_at or one.started_at)


def keep_ours(watch: Watch, at: datetime, rules: Rules) -> Step:
    """We have come back to the customer, as we had said."""
    ours = [one for one in live(watch) if one.party is None]
    return in_turn(watch, *(partial(clock.meet, clock=one, at=at, rules=rules) for one in ours))


def keep_theirs(watch: Watch, at: datetime, rules: Rules) -> Step:
    """The third party has done its part."""
    theirs = [one for one in live(watch) if one.party is not None]
    return in_turn(watch, *(partial(clock.meet, clock=one, at=at, rules=rules) for one in theirs))
