"""A customer who is upset: whoever supervises his case is warned, once for each degree (IN-12).

Intake reads the feeling; `channels.yaml` says of which degrees staff are warned. While nobody has the case the warning
waits for the pool that takes it in.
"""

from datetime import datetime
from functools import partial

from services.notify.domain import compose
from services.notify.domain.casefile import Casefile, Upset
from services.notify.domain.channel import desk
from services.notify.domain.compose import News
from services.notify.domain.rules import Rules
from services.notify.domain.speak import Tongue
from shared.decisions import Decision
from shared.events.cases import Sentiment


def heard(file: Casefile, now: datetime, feeling: Sentiment | None, cause: str, rules: Rules) -> Decision[Casefile]:
    if feeling is None or feeling.label not in rules.channels.staff.warned_of or feeling.label in file.warned:
        return Decision(file)
    upset = Upset(label=feeling.label, words=feeling.heard, cause=cause)
    after = file.model_copy(update={"upset": upset, "warned": (*file.warned, feeling.label)})
    return warned(after, now, rules)


def warned(file: Casefile, now: datetime, rules: Rules) -> Decision[Casefile]:
    """The warning that waits is given, if there is somebody to give it to by now."""
    to = desk(file.supervisor, file.pool)
    if file.upset is None or not to:
        return Decision(file)
    news = News("upset", file.upset.cause, partial(_said, file.upset), once=file.upset.label)
    return compose.staff(file.model_copy(update={"upset": None}), now, news, to, rules)


def _said(upset: Upset, tongue: Tongue) -> dict[str, str]:
    return {"degree": tongue.degree(upset.label), "words": tongue.listed(upset.words)}
