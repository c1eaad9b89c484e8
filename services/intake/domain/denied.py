"""What is denied was not said: 不是投诉, no smoke, I do not want to complain.

A word is denied by a negation right before it, with nothing but words of `denied_through` between (没有人受伤, not a
complaint), or that runs into it (不要退款, of which 要退款 is a word). Not by one farther off: of danger rather too
much is believed (it does not run and smokes).
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence

from services.intake.domain.keywords import Hit, Scan, scan_of
from services.intake.domain.rules import Rules

_REACH = 30


def affirmed(scan: Scan, negations: Collection[str], rules: Rules) -> Scan:
    """The scan without the words that one of these denies."""
    denials = [hit for hit in scan.hits if hit.part in negations]
    if not denials:
        return scan
    ends = [hit.end for hit in denials]
    return scan_of(scan.text, [hit for hit in scan.hits if not _is_denied(hit, denials, ends, scan.text, rules)])


def _is_denied(hit: Hit, denials: Sequence[Hit], ends: Sequence[int], text: str, rules: Rules) -> bool:
    """`denials`: in order of their ends."""
    place = bisect_right(ends, hit.start)
    runs_in = place < len(ends) and denials[place].start < hit.start and ends[place] < hit.end
    near = place > 0 and hit.start - ends[place - 1] <= _REACH
    return runs_in or (near and bool(rules.denied_through.fullmatch(text, ends[place - 1], hit.start)))
