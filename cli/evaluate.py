from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console

from cli import examples as files
from cli.doors import table
from cli.errors import CliError

if TYPE_CHECKING:
    from services.intake.domain.rules import Rules
    from services.intake.scoring import Scores

SHOWN = 10


def evaluate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=files.HELP)],
    rules: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A rule directory. Default: the shipped rules.")
    ] = None,
    sentiment: Annotated[bool, typer.Option("--sentiment", help="How customers feel, instead of categories.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
) -> None:
    """How often labelled examples are understood rightly: by a learned model, by the keywords, and as a case gets it.

    Right is a category that is the label's or lies below it. `spoken` is the
    share of examples of which anything was said; accuracy counts the others as
    wrong. Classes and confusions are the model's; the keywords' if there is none.
    """
    from services.intake import evaluation

    known = _rules(rules)
    said, problems = files.read(file, files.feeling if sentiment else _category(known))
    files.show_left_out(problems, Console(stderr=True, highlight=False, soft_wrap=True))
    counted = evaluation.feelings(said, known) if sentiment else evaluation.categories(said, known)
    _show(file, counted, len(problems), as_json)


def _rules(directory: Path | None) -> Rules:
    from services.intake.domain.rules import Rules
    from shared.rules import RulesError, load

    try:
        return load("intake", Rules.parse, directory)
    except RulesError as error:
        raise CliError(str(error)) from error


def _category(rules: Rules) -> Callable[[str], str]:
    from services.intake.tree import found

    def meant(label: str) -> str:
        if path := found(label, rules.categories):
            return path
        raise ValueError(f"{label} is not in the tree")

    return meant


def _show(file: Path, counted: dict[str, Scores], left_out: int, as_json: bool) -> None:
    who, own = next(iter(counted.items()))
    if as_json:
        by = {name: asdict(scores) for name, scores in counted.items()}
        said = {"file": str(file), "examples": own.examples, "left_out": left_out, "accuracy": own.accuracy, "of": who}
        typer.echo(orjson.dumps({**said, "by": by}, option=orjson.OPT_INDENT_2).decode())
        return
    table([asdict(one) for one in own.classes], ("label", "examples", "precision", "recall"), False)
    table([asdict(one) for one in own.confusions[:SHOWN]], ("label", "taken_for", "count"), False)
    rows = [{"by": name, **asdict(scores)} for name, scores in counted.items()]
    table(rows, ("by", "examples", "spoken", "accuracy"), False)
