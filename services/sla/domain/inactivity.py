"""No progress of ours for too long (SL-3). What we do sets the clock back; what the customer says does not."""

from datetime import datetime

from services.sla.domain import clock
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Step, Watch


def stir(watch: Watch, at: datetime, rules: Rules) -> Step:
    """We have done something: the clock starts from nothing, without a word, since every event costs every reader."""
    idle = watch.live("inactivity")
    return clock.again(watch, idle, at, rules) if idle else (watch, ())


def settle(watch: Watch, at: datetime, rules: Rules) -> Step:
    """Nothing is to be done any more."""
    idle = watch.live("inactivity")
    return clock.end(watch, idle, at, rules) if idle else (watch, ())
