"""A case that was resolved or closed is open again: what ended it is no longer true."""

from services.intake.domain.case import MAX_ATTEMPT, MAX_TRIED, Case
from services.intake.domain.lifecycle import back_to_work


def reopened(case: Case) -> Case:
    failed = (case.resolution[:MAX_ATTEMPT],) if case.resolution else ()
    return case.changed(
        tried=(*case.tried, *failed)[-MAX_TRIED:],
        status=back_to_work(case), reopened=case.reopened + 1, resolved_at=None, auto_close_at=None, closed_at=None,
        resolution=None, cause=None, evidence=(), measure=None,
    )  # fmt: skip
