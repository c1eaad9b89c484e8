"""NT-6 under any interleaving of workers that live, die, pause and answer late."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.notify.domain import deliver, tell, tell_targets
from services.notify.domain.casefile import Casefile, Message
from tests.unit.notify.build import after, missed_event, opened, resolved_event, with_providers

RULES = with_providers("first", "second", tries=2, lease_s=30)
FAILURES = ("untried", "temporary", "permanent", "open")


class Deliveries(RuleBasedStateMachine):
    """One case with two recipients; workers take its messages and ask providers; their answers arrive when and if they
    like.

    `handed`: how often each provider really told the customer each message. A provider that recognises repeats tells
    each once.
    """

    recognising: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0.0
        self.state: Casefile = opened(RULES)
        self.workers = 0
        self.told: list[str] = []
        self.in_order: list[tuple[str, str]] = []
        self.known: set[tuple[str, str]] = set()
        self.answers: list[tuple[Message, str]] = []
        self.events: list[tuple[str, str]] = []

    def decided(self, decision) -> None:
        self.state = decision.state
        self.events += [(e.TYPE, e.notification_id) for e in decision.events]

    def hand_over(self, message: Message) -> None:
        """What a provider does with a message that it takes."""
        if message.provider in self.recognising and (message.provider, message.id) in self.known:
            return
        self.known.add((message.provider, message.id))
        self.told.append(message.id)

    @initialize()
    def another_milestone(self) -> None:
        self.decided(tell.resolved(self.state, after(0), event=resolved_event(), cause="event-2", rules=RULES))
        for cause in ("event-3", "event-4"):
            event = missed_event(supervisor="Z01")
            self.decided(tell_targets.missed(self.state, after(0), event=event, cause=cause, rules=RULES))

    @rule(
        wait=st.sampled_from([0, 1, 6, 31]),
        outcome=st.sampled_from(["ok", "ok unheard", "died before", "open but taken", *FAILURES]),
        heard=st.booleans(),
        busy=st.sampled_from([(), ("first",), ("second",)]),
    )
    def a_worker_takes_and_asks(self, wait: float, outcome: str, heard: bool, busy: tuple[str, ...] = ()) -> None:
        """The provider is asked at once, within the lease; its answer may be late (`heard`: not so) or lost."""
        self.clock += wait
        self.workers += 1
        by = f"worker-{self.workers}"
        now = after(self.clock)
        self.decided(deliver.pick_up(self.state, now, by=by, rules=RULES, recognising=self.recognising, busy=busy))
        for message in deliver.in_hand(self.state, by):
            self.in_order.append((message.to, message.cause))
            if outcome in ("ok", "ok unheard", "open but taken"):
                self.hand_over(message)
            if outcome not in ("ok unheard", "died before"):
                self.answers.append((message, outcome.removesuffix(" but taken")))
                if heard:
                    self.an_answer_arrives(-1, False)

    @rule(which=st.integers(0, 20), keep=st.booleans())
    def an_answer_arrives(self, which: int, keep: bool) -> None:
        """In any order, however late, and perhaps twice."""
        if not self.answers:
            return
        message, outcome = self.answers[which % len(self.answers)]
        if not keep:
            self.answers.remove((message, outcome))
        now = after(self.clock)
        if outcome == "ok":
            self.decided(
                deliver.sent(self.state, now, id_=message.id, attempt=message.attempt, provider=message.provider)
            )
        else:
            self.decided(
                deliver.failed(
                    self.state, now, id_=message.id, attempt=message.attempt, failure=outcome, why="",
                    rules=RULES, recognising=self.recognising,
                )
            )  # fmt: skip

    @rule()
    def the_event_is_read_again(self) -> None:
        self.decided(tell.resolved(self.state, after(self.clock), event=resolved_event(), cause="event-2", rules=RULES))

    @rule()
    def a_person_settles_truthfully(self) -> None:
        for message in self.state.messages:
            if message.state == "unknown":
                truth = message.id in self.told
                self.decided(deliver.settle(self.state, after(self.clock), id_=message.id, sent=truth, by="Chen"))

    @invariant()
    def nobody_is_told_twice(self) -> None:
        assert len(self.told) == len(set(self.told))

    @invariant()
    def each_recipient_is_first_told_what_came_first(self) -> None:
        """A message that a person settled may come later; nothing is begun before what came before it was tried."""
        for recipient in {to for to, _ in self.in_order}:
            begun = list(dict.fromkeys(cause for to, cause in self.in_order if to == recipient))
            assert begun == sorted(begun)

    @invariant()
    def nothing_is_called_failed_that_was_told(self) -> None:
        assert not {id_ for type_, id_ in self.events if type_ == "notification.failed"} & set(self.told)

    @invariant()
    def nothing_is_called_sent_that_was_not(self) -> None:
        assert {id_ for type_, id_ in self.events if type_ == "notification.sent"} <= set(self.told)

    @invariant()
    def every_end_is_told_once(self) -> None:
        ends = [event for event in self.events if event[0] != "notification.unknown"]
        assert len(ends) == len(set(ends))

    @invariant()
    def something_is_due_or_everything_is_at_rest(self) -> None:
        working = any(m.state in ("queued", "sending") for m in self.state.messages)
        assert working == (deliver.due(self.state) is not None)

    def teardown(self) -> None:
        """With providers that work and workers that live, everything ends."""
        for _ in range(20):
            self.a_worker_takes_and_asks(3600, "ok", True)
            while self.answers:
                self.an_answer_arrives(0, False)
            self.nobody_is_told_twice()
        assert all(m.state == "unknown" for m in self.state.messages)


class RecognisedDeliveries(Deliveries):
    recognising = frozenset({"first", "second"})


class HalfRecognisedDeliveries(Deliveries):
    recognising = frozenset({"first"})


@pytest.mark.parametrize("machine", [Deliveries, RecognisedDeliveries, HalfRecognisedDeliveries])
def test_NT_6_no_interleaving_tells_a_customer_twice(machine: type[Deliveries]):
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(max_examples=200, stateful_step_count=40, deadline=None))
