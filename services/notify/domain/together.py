"""Several steps in one decision."""

from services.notify.domain import log
from services.notify.domain.casefile import Casefile
from shared.decisions import Decision


def then(before: Decision[Casefile], after: Decision[Casefile]) -> Decision[Casefile]:
    """Both, where `after` was taken in the state that `before` left."""
    return Decision(after.state, (*before.events, *after.events), log.joined(before.note, after.note))
