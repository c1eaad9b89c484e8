"""Remote sessions 远程 (IN-23): each goes over a secure channel and leaves the link of its recording.

Refused: `unknown_channel`, `invalid_link`, `missing_field` (422), naming `remote.channel` or `remote.recording`.
"""

from urllib.parse import urlsplit

from services.intake.domain.case import Case
from services.intake.domain.rules import Rules
from shared.decisions import Refused
from shared.events.cases import Remote

MOST_SESSIONS = 4
MAX_LINK = 400


def with_session(case: Case, said: Remote | None, rules: Rules) -> Case:
    """What an agent says of a session completes the last one, if that lacks it; else it is one more."""
    if said is None:
        return case
    _check_said(said, rules)
    *before, last = case.remote or (Remote(),)
    told = said.model_dump(exclude_none=True)
    if all(getattr(last, name) in (None, value) for name, value in told.items()):
        return case.changed(remote=(*before, last.model_copy(update=told)))
    if len(case.remote) >= MOST_SESSIONS:
        raise _refused("too_many_sessions", "remote", f"a case has {MOST_SESSIONS} remote sessions at most")
    return case.changed(remote=(*case.remote, said))


def check_sessions(case: Case, rules: Rules) -> None:
    """Whether every session of the case is told in full; without it nothing is resolved."""
    for session in case.remote:
        if not session.channel:
            channels = ", ".join(rules.lifecycle.remote_channels)
            raise _refused(
                "missing_field", "remote.channel", f"the remote session needs its secure channel: {channels}"
            )
        if not session.recording:
            raise _refused(
                "missing_field", "remote.recording", "the remote session needs the https link of its recording"
            )


def _check_said(said: Remote, rules: Rules) -> None:
    channels = rules.lifecycle.remote_channels
    if said.channel is not None and said.channel.casefold() not in map(str.casefold, channels):
        message = f"{said.channel[:40]!r} is no secure channel for a remote session; these are: {', '.join(channels)}"
        raise _refused("unknown_channel", "remote.channel", message)
    if said.recording is not None and not _is_https(said.recording):
        message = f"the recording needs an https link of at most {MAX_LINK} characters"
        raise _refused("invalid_link", "remote.recording", message)


def _is_https(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and len(link) <= MAX_LINK


def _refused(code: str, field: str, message: str) -> Refused:
    return Refused(code, message, field=field, status=422)
