"""Keys as an operator makes them (PF-1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from shared.access import Keys


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHBOARD_KEYS", str(tmp_path / "keys.yaml"))
    return tmp_path / "keys.yaml"


def create(*words: str) -> tuple[int, str, str]:
    told = CliRunner().invoke(app, ["keys", "create", *words])
    return told.exit_code, told.stdout.strip(), told.stderr


def test_PF_1_a_key_is_bound_to_a_department(file: Path) -> None:
    code, plain, said = create("技术部", "--role", "department", "--department", "technical")

    assert code == 0
    assert Keys(file).principal(plain).department == "technical"
    assert "bound to no department" not in said


def test_PF_1_a_key_for_all_departments_is_made_and_says_what_that_takes(file: Path) -> None:
    code, plain, said = create("hub", "--role", "department")

    assert code == 0
    assert Keys(file).principal(plain).department is None
    assert "it must name one at each question" in said


def test_PF_1_a_department_that_nobody_knows_is_refused_and_no_key_is_made(file: Path) -> None:
    code, _, said = create("kitchen", "--role", "department", "--department", "kitchen")

    assert code == 1
    assert "department 'kitchen' is not one of frontline, technical" in said
    assert not file.exists()
