"""What a customer newly wrote in a mail: without the mails that it quotes and without his signature.

Lines with `>` are others' words, and so are the one or two before them that end like `quoted_after`. All behind a mark
of an earlier mail is that mail: a line that begins like `quoted_from` or says `quoted_dashed` behind dashes, who wrote
when (`quoted_after`), or a mail's head (a line that begins like `head_first`, and within two lines one like
`head_next`). The last two only with a date or an address in them: otherwise they are the customer's own words.
"""

import re
from collections.abc import Sequence

from services.intake.domain.rules_channels import MailRules

_SIGNATURE = "--"
_DASHES = "-—_=*~"
_DATED = re.compile(r"[^\s@]@[^\s@]|(?<!\d)(?:19|20)\d\d(?!\d)|\d[:：]\d\d|\d ?月 ?\d")
"""A date, a time or an address, well enough to tell a mail's head from a sentence."""
_ADDRESS = re.compile(r"<[^<>\s]{1,200}@")
_LONGEST_HEAD = 6
_FEWEST_DASHES = 3


def newly_written(text: str, rules: MailRules) -> str:
    """The whole text where nothing else is in it: a mail that is only passed on."""
    lines = text.split("\n")
    read = [" ".join(line.split()).lstrip("* ").casefold() for line in lines]
    end = next((at for at in range(len(read)) if _ends(read, at, rules)), len(read))
    new = (lines[at] for at in range(end) if not read[at].startswith(">") and not _introduces(read, at, rules))
    return "\n".join(new).strip() or text


def _ends(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    line = lines[at]
    if not line:
        return False
    if line == _SIGNATURE or line.startswith((*rules.signature_from, *rules.quoted_from)):
        return True
    return _dashed(line, rules) or _begins_head(lines, at, rules) or _tells_who_wrote(lines, at, rules)


def _dashed(line: str, rules: MailRules) -> bool:
    dashes = len(line) - len(line.lstrip(_DASHES))
    return dashes >= _FEWEST_DASHES and line.strip(_DASHES + ":： ") in rules.quoted_dashed


def _begins_head(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    if not lines[at].startswith(rules.head_first) or not any(
        line.startswith(rules.head_next) for line in lines[at + 1 : at + 3]
    ):
        return False
    head = (line for line in lines[at : at + _LONGEST_HEAD] if line.startswith((*rules.head_first, *rules.head_next)))
    return any(map(_DATED.search, head))


def _tells_who_wrote(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    """Of all that follows; where lines with `>` follow, it speaks of those alone."""
    length = _introduction(lines, at, rules)
    said = " ".join(lines[at : at + length])
    return bool(_DATED.search(said)) and not _quotes(lines, at + length)


def _introduces(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    """Whether a line says who wrote the lines with `>` that follow, or is the second that does."""
    starts = (start for start in (at, at - 1) if lines[at] and start >= 0)
    ends = (start + _introduction(lines, start, rules) for start in starts)
    return any(end > at and _quotes(lines, end) for end in ends)


def _introduction(lines: Sequence[str], at: int, rules: MailRules) -> int:
    """How many lines from this one on say who wrote what follows; two where a program wrapped date and address."""
    if lines[at].endswith(rules.quoted_after):
        return 1
    two = lines[at : at + 2]
    wrapped = two[-1].endswith(rules.quoted_after) and _DATED.search(two[0]) and _ADDRESS.search("".join(two))
    return 2 if wrapped else 0


def _quotes(lines: Sequence[str], at: int) -> bool:
    return next((line for line in lines[at : at + 2] if line), "").startswith(">")
