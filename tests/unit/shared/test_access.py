"""PF-1, PF-6: who may do what."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from shared.access import ROLES, Forbidden, Keys, Principal, check, digest, new_key
from shared.http import for_himself
from tests.unit.shared.tally import T0, TestClock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def write(file: Path, *entries: object) -> None:
    file.write_text(yaml.safe_dump(list(entries)))


def refusal(keys: Keys, plain: str | None) -> Forbidden:
    with pytest.raises(Forbidden) as told:
        keys.principal(plain)
    return told.value


def test_a_key_is_known_by_its_hash_only(file: Path) -> None:
    plain, entry = new_key("王芳", "agent", None)
    write(file, entry)
    assert plain not in file.read_text()
    assert entry["hash"] == digest(plain)
    assert Keys(file).principal(plain) == Principal("王芳", "agent")


def test_two_keys_are_never_the_same() -> None:
    assert new_key("a", "agent", None)[0] != new_key("a", "agent", None)[0]


def test_a_role_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'king' is not one of channel, agent"):
        new_key("a", "king", None)


def test_PF_1_a_key_bound_to_a_department_says_which(file: Path) -> None:
    plain, entry = new_key("技术部", "department", None, department="technical")
    free, free_entry = new_key("all departments", "department", None)
    write(file, entry, free_entry)
    keys = Keys(file)
    assert keys.principal(plain) == Principal("技术部", "department", department="technical")
    assert keys.principal(free).department is None


@pytest.mark.parametrize(
    ("role", "department", "why"),
    [
        ("department", "kitchen", "department 'kitchen' is not one of frontline, technical"),
        ("department", "", "department '' is not one of"),
        ("admin", "technical", "role 'admin' is bound to no department"),
    ],
)
def test_PF_1_a_binding_to_a_department_that_would_not_hold_is_refused(role: str, department: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        new_key("a", role, None, department=department)


@pytest.mark.parametrize("plain", [None, "", "sb_guess"])
def test_without_a_known_key_nobody_comes_in(file: Path, plain: str | None) -> None:
    write(file, new_key("a", "admin", None)[1])
    assert refusal(Keys(file), plain).status == 401


def test_a_key_ends_at_its_end(file: Path) -> None:
    """PF-1: temporary grants that expire."""
    clock = TestClock()
    plain, entry = new_key("a", "expert", T0 + timedelta(hours=8))
    write(file, entry)
    keys = Keys(file, clock)
    clock.forward(hours=7, minutes=59)
    assert keys.principal(plain).role == "expert"
    clock.forward(minutes=1)
    assert (refusal(keys, plain).status, "ended" in str(refusal(keys, plain))) == (401, True)


def test_the_file_is_read_again_when_it_changes(file: Path) -> None:
    old, old_entry = new_key("a", "agent", None)
    new, new_entry = new_key("b", "supervisor", None)
    write(file, old_entry)
    keys = Keys(file)
    assert keys.principal(old).name == "a"
    write(file, new_entry)
    assert keys.principal(new).name == "b"
    assert refusal(keys, old).status == 401


@pytest.mark.parametrize("broken", ["- {", "7", "text", "- text", "{a: 1}", "\x00"])
def test_a_file_that_can_not_be_read_leaves_the_last_good_keys(file: Path, broken: str) -> None:
    plain, entry = new_key("a", "agent", None)
    write(file, entry)
    keys = Keys(file)
    keys.principal(plain)
    file.write_text(broken)
    assert keys.principal(plain).name == "a"
    assert refusal(keys, "sb_guess").status == 401


def test_a_file_that_is_gone_leaves_the_last_good_keys(file: Path) -> None:
    plain, entry = new_key("a", "agent", None)
    write(file, entry)
    keys = Keys(file)
    keys.principal(plain)
    file.unlink()
    assert keys.principal(plain).name == "a"


@pytest.mark.parametrize("end", ["soon", 7, ["x"]])
def test_a_key_whose_end_can_not_be_read_is_not_in_force(file: Path, end: object) -> None:
    plain, entry = new_key("a", "agent", None)
    good, good_entry = new_key("b", "agent", None)
    write(file, {**entry, "expires": end}, good_entry)
    keys = Keys(file)
    assert refusal(keys, plain).status == 401
    assert keys.principal(good).name == "b"


def may(role: str, *roles: str, writes: bool = True) -> bool:
    try:
        check(Principal("x", role), roles, writes)
    except Forbidden as refused:
        return refused.status != 403
    return True


def test_each_role_may_what_names_it_and_admin_may_all() -> None:
    assert {role for role in ROLES if may(role, "agent", "supervisor")} == {"agent", "supervisor", "admin"}
    assert {role for role in ROLES if may(role)} == {"admin"}


def test_an_auditor_reads_all_and_changes_nothing() -> None:
    assert may("auditor", "supervisor", writes=False)
    assert not may("auditor", "supervisor", writes=True)
    assert not may("agent", "supervisor", writes=False)


def test_PF_1_a_key_bound_to_an_agent_speaks_for_him_alone(tmp_path: Path) -> None:
    plain, entry = new_key("desktop of Z01", "agent", None, "Z01")
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump([entry]))
    principal = Keys(tmp_path / "keys.yaml").principal(plain)
    for_himself(principal, "Z01")
    for_himself(Principal("desktops", "agent"), "Z02")
    with pytest.raises(Forbidden):
        for_himself(principal, "Z02")
