"""IN-3: whether two names may be one person's."""

import pytest

from services.intake.domain.names import alike, differ
from tests.unit.intake.given import RULES

TITLES = RULES.joining.titles


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王芳", "王芳"), ("王芳", "王 芳"), ("王芳", "王芳女士"), ("Ms Ann Lee", "ann lee"), ("Ann", "Ann Lee"),
        ("Wang Fang", "FANG WANG"), ("王女士", "王女士"), ("王芳", "王芳 Wang Fang"),
    ],
)  # fmt: skip
def test_IN_3_these_are_one_name(one: str, other: str) -> None:
    assert alike(one, other, TITLES)
    assert alike(other, one, TITLES)
    assert not differ(one, other, TITLES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "Joanna Smith"),
        ("Li", "Alice Wong"),
        ("王芳", "李强"),
        ("李明", "李明明"),
        ("王芳", "Wang Fang"),
        ("李女士", "王芳"),
    ],
)
def test_IN_3_these_are_two_names(one: str, other: str) -> None:
    for a, b in ((one, other), (other, one)):
        assert (alike(a, b, TITLES), differ(a, b, TITLES)) == (False, True)


@pytest.mark.parametrize(
    ("one", "other"), [("王女士", "王芳"), ("王女士", "王先生"), ("J. ", "John Smith"), ("", "王芳"), ("女士", "王芳")]
)
def test_IN_3_these_tell_neither(one: str, other: str) -> None:
    for a, b in ((one, other), (other, one)):
        assert (alike(a, b, TITLES), differ(a, b, TITLES)) == (False, False)
