"""What is denied was not said: 不是投诉, no smoke, I do not want to complain.

A word is denied by a negation right before it in the same part of a sentence, with nothing but words of
`denied_through` between (没有人受伤, not a complaint). Not by one farther off, on another line, or in the answer before
(人员伤亡：无 起火：是), nor where it says itself what is not (不能使用): of danger rather too much is believed (it does
not run and smokes).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence

from services.intake.domain.keywords import Hit, Scan, scan_of
from services.intake.domain.rules import Rules

_REACH = 30
_BLANK_BETWEEN_SIGNS = re.compile(r"[^\x00-\x7f] [^\x00-\x7f]")
"""In Chinese it stands for a comma."""


def affirmed(scan: Scan, rules: Rules) -> Scan:
    """The scan without the words that a negation denies."""
    return _without(scan, rules.negations, rules)


def wanted(scan: Scan, rules: Rules) -> Scan:
    """The scan without what a word of `unwanted` denies or runs into (不要退款, of which 要退款 is a word)."""
    return _without(scan, rules.unwanted, rules, runs_in=True)


def _without(scan: Scan, negations: Collection[str], rules: Rules, *, runs_in: bool = False) -> Scan:
    denials = [hit for hit in scan.hits if hit.part in negations]
    if not denials:
        return scan
    ends = [hit.end for hit in denials]
    said = [
        hit for hit in scan.hits
        if not _follows(hit, denials, ends, scan, rules) and not (runs_in and _is_run_into(hit, denials, ends))
    ]  # fmt: skip
    return scan_of(scan.text, said, scan.part_ends)


def _follows(hit: Hit, denials: Sequence[Hit], ends: Sequence[int], scan: Scan, rules: Rules) -> bool:
    """Whether the last of the denials before it denies it. `denials`: in order of their ends."""
    place = bisect_right(ends, hit.start)
    if place == 0 or hit.start - ends[place - 1] > _REACH:
        return False
    end = ends[place - 1]
    if not rules.denied_through.fullmatch(scan.text, end, hit.start) or _part_ends_between(end, hit.start, scan):
        return False
    return not any(inner.start >= hit.start for inner in denials[place : bisect_right(ends, hit.end)])


def _is_run_into(hit: Hit, denials: Sequence[Hit], ends: Sequence[int]) -> bool:
    place = bisect_right(ends, hit.start)
    return place < len(ends) and denials[place].start < hit.start and ends[place] < hit.end


def _part_ends_between(end: int, start: int, scan: Scan) -> bool:
    place = bisect_left(scan.part_ends, end)
    by_line = place < len(scan.part_ends) and scan.part_ends[place] < start
    return by_line or _BLANK_BETWEEN_SIGNS.search(scan.text, end - 1, start + 1) is not None
