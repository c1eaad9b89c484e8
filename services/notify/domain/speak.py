"""How we speak of things in one language: names for codes, moments, durations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from services.notify.domain import render
from services.notify.domain.rules import Names, Rules
from shared.events.cases import Priority
from shared.events.escalations import Department
from shared.events.sla import Target


@dataclass(frozen=True, slots=True)
class Tongue:
    language: str
    rules: Rules

    def moment(self, at: datetime | None) -> str:
        """In local time; empty if there is none."""
        return render.moment(at, self.rules.terms.zone, self.language) if at else ""

    def lasting(self, seconds: float) -> str:
        """In begun minutes; nothing to speak of is nothing."""
        return render.duration(ceil(seconds / 60), self.language) if seconds >= 60 else ""

    def expected(self, priority: Priority) -> str:
        """预计处理周期: in hours, or in working days."""
        told = self.rules.channels.expected[priority]
        count = render.hours if told.unit == "hour" else render.working_days
        return count(told.number, self.language)

    def target(self, target: Target) -> str:
        return self._name(self.rules.terms.targets[target])

    def department(self, department: Department) -> str:
        return self._name(self.rules.terms.departments[department])

    def level(self, level: int) -> str:
        """Who works on an escalation of this level, as customers are told."""
        return self._name(self.rules.terms.levels[level])

    def answers(self, codes: Iterable[str]) -> str:
        """What of a survey these answers are about."""
        return self.listed(self._known(code, self.rules.terms.answers) for code in codes)

    def missing(self, codes: Iterable[str]) -> str:
        """What a case still lacks, as its customer is asked for it."""
        return self.listed(self._known(code, self.rules.terms.missing) for code in codes)

    def degree(self, label: str) -> str:
        """How upset a customer is."""
        return self._known(label, self.rules.terms.degrees)

    def listed(self, names: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(names)

    def reason(self, said: str) -> str:
        """Of a delay: by its code or any of its names, else in the words given."""
        code = self.rules.terms.reason_of(said)
        return self._name(self.rules.terms.reasons[code].names) if code else said

    def remedy(self, said: str | None, reason: str) -> str:
        """What is offered instead; where nobody says, what the rules offer for such a reason."""
        terms = self.rules.terms
        code = terms.remedy_of(said) if said else terms.remedy_for(reason)
        return self._name(terms.remedies[code]) if code else said or ""

    def _known(self, code: str, names: Mapping[str, Names]) -> str:
        """What the rules do not know is said as it is."""
        return self._name(names[code]) if code in names else code

    def _name(self, names: Names) -> str:
        return names[self.language]
