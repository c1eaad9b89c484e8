"""What a customer newly wrote in a mail: without the mails that it quotes and without his signature.

Lines with `>` are others' words, and so is the line before them that ends like `quoted_after`. All from a line on that
begins like `quoted_from`, or from a mail's head (a line that begins like `head_first`, and within two lines one like
`head_next`), is an earlier mail.
"""

from collections.abc import Iterator, Sequence

from services.intake.domain.rules_channels import MailRules

_SIGNATURE = "--"


def newly_written(text: str, rules: MailRules) -> str:
    """The whole text where nothing else is in it: a mail that is only passed on."""
    return "\n".join(_new(text.split("\n"), rules)).strip() or text


def _new(lines: Sequence[str], rules: MailRules) -> Iterator[str]:
    folded = [line.strip().casefold() for line in lines]
    for at, line in enumerate(folded):
        if line == _SIGNATURE or line.startswith(rules.signature_from) or _begins_mail(folded, at, rules):
            return
        if not line.startswith(">") and not _introduces(folded, at, rules):
            yield lines[at]


def _begins_mail(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    if lines[at].startswith(rules.quoted_from):
        return True
    return lines[at].startswith(rules.head_first) and any(
        line.startswith(rules.head_next) for line in lines[at + 1 : at + 3]
    )


def _introduces(lines: Sequence[str], at: int, rules: MailRules) -> bool:
    said = next((line for line in lines[at + 1 : at + 3] if line), "")
    return lines[at].endswith(rules.quoted_after) and said.startswith(">")
