"""Which promises a case is given, by the policy that fits it (SL-1)."""

from datetime import datetime
from typing import Literal

from services.sla.domain import clock
from services.sla.domain.rules import Policy, Rules
from services.sla.domain.watch import Step, Watch
from shared.events.base import EventData

Promised = Literal["first_response", "next_response", "resolution"]
PROMISED: tuple[Promised, ...] = ("first_response", "next_response", "resolution")


def policy_of(watch: Watch, rules: Rules) -> Policy:
    return rules.policy(tier=watch.tier, channel=watch.channel, category=watch.category, kind=watch.kind)


def promise(watch: Watch, target: Promised, at: datetime, rules: Rules) -> Step:
    """Starts the clock of a target, with the limit of the policy."""
    policy = policy_of(watch, rules)
    limit_s = getattr(policy.targets[watch.priority], target)
    calendar = policy.calendar_of(watch.priority)
    return clock.start(watch, target, at, rules, limit_s=limit_s, policy=rules.reference(policy), calendar=calendar)


def watch_inactivity(watch: Watch, at: datetime, rules: Rules) -> Step:
    reference = rules.reference(policy_of(watch, rules))
    return clock.start(watch, "inactivity", at, rules, limit_s=rules.policies.inactivity, policy=reference)


def look_up_again(watch: Watch, at: datetime, rules: Rules) -> Step:
    """Another priority or category may mean another policy: the limits change, the time used counts on."""
    policy = policy_of(watch, rules)
    events: tuple[EventData, ...] = ()
    for target in PROMISED:
        if (running := watch.live(target)) is not None:
            limit_s = getattr(policy.targets[watch.priority], target)
            watch, more = clock.relimit(
                watch, running, at, rules, limit_s=limit_s, calendar=policy.calendar_of(watch.priority),
                policy=rules.reference(policy),
            )  # fmt: skip
            events += more
    return watch, events
