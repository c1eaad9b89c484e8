from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console

from cli import examples as files
from cli.doors import Doors, table
from cli.errors import BadFile, CliError

if TYPE_CHECKING:
    from services.intake.domain.learned import Model
    from services.intake.domain.rules_categories import CategoriesFile
    from services.intake.learning import Example, Lesson

NEW = "学到的类别"
SHOWN = 10
NO_LEARNER = (
    "scikit-learn is missing, and learning needs it: `pip install scikit-learn`; "
    "a service that uses what was learned does not need it"
)


def learn(
    into: Annotated[Path, typer.Option(file_okay=False, help="The rule directory (SWITCHBOARD_RULES) for the model.")],
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help=files.HELP)] = None,
    from_cases: Annotated[
        bool, typer.Option("--from-cases", help="Learn (also) from the cases whose category a person decided.")
    ] = False,
    sentiment: Annotated[
        bool, typer.Option("--sentiment", help="Learn how customers feel, from labels such as 1 and 0, good and bad.")
    ] = False,
    under: Annotated[
        str, typer.Option(help="The first level, new or not, under which labels go that are not in the tree.")
    ] = NEW,
    least: Annotated[int, typer.Option(min=5, help="A label with fewer examples is left out.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Learn categories, or with --sentiment how customers feel, from labelled examples.

    A label is a path of the tree in either language (Payments / Refunds), or
    the name of a node. A name that is nowhere in the tree is added to the
    directory's categories.yaml, as a second level (--under).

    The model, category_model.npz or sentiment_model.npz, is written beside it;
    a running service takes it within seconds. understanding.yaml says how model
    and keywords come together.

    All figures are counted on examples that the model had not learned from;
    `switchboard evaluate` counts them on others.
    """
    if (file is None and not from_cases) or (sentiment and from_cases):
        raise CliError("name a file of examples; or say --from-cases, from which categories alone are learned")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    told = _feelings(file, console) if sentiment and file else list(_categories(file, from_cases, into, under, console))
    lesson = _learned(_enough(told, least, console), console)
    new = [] if sentiment else _grow(into, under, lesson.model)
    path = _save(into / "intake" / f"{'sentiment' if sentiment else 'category'}_model.npz", lesson.model)
    _check(into)
    _show(lesson, path, new, as_json)


def _feelings(file: Path, console: Console) -> list[Example]:
    return _told(files.read(file, files.feeling), console)


def _told(read: files.Read, console: Console) -> list[Example]:
    examples, problems = read
    files.show_left_out(problems, console)
    return examples


def _categories(file: Path | None, from_cases: bool, into: Path, under: str, console: Console) -> Iterator[Example]:
    from services.intake.tree import meaning

    meant = meaning(_tree(into), under)
    if file:
        yield from _told(files.read(file, meant), console)
    if from_cases:
        decided = _told(files.of_cases(Doors("intake"), meant), console)
        console.print(f"{len(decided)} cases whose category a person decided")
        yield from decided


def _tree(directory: Path) -> CategoriesFile:
    from services.intake.tree import tree
    from shared.rules import RulesError

    try:
        return tree(directory)
    except RulesError as error:
        raise CliError(str(error)) from error


def _enough(examples: list[Example], least: int, console: Console) -> list[Example]:
    """Those of labels that have enough of them. Raises BadFile where fewer than two are left."""
    counted = Counter(example.label for example in set(examples))
    few = sorted(label for label, count in counted.items() if count < least)
    for label in few:
        console.print(f"left out: {label}, {counted[label]} examples of at least {least}", style="red", markup=False)
    if len(counted) - len(few) < 2:
        raise BadFile(f"two labels with {least} examples or more are needed; {len(counted) - len(few)} were found")
    return [example for example in examples if example.label not in few]


def _learned(examples: list[Example], console: Console) -> Lesson:
    from services.intake.learning import learn as learned

    try:
        with console.status("learning") as status:
            return learned(examples, lambda doing: status.update(f"{len(examples)} examples: {doing}"))
    except ImportError:
        raise CliError(NO_LEARNER) from None


def _grow(into: Path, under: str, model: Model) -> list[str]:
    """Put the labels that are not in the tree into the directory's categories.yaml; what was added."""
    from services.intake.tree import grown
    from shared.rules import RulesError

    known = _tree(into).leaf_of
    if new := [label for label in model.labels if label not in known]:
        try:
            text = grown(into, under, [label.rsplit(" / ", 1)[1] for label in new])
        except RulesError as error:
            raise CliError(str(error)) from error
        _put(into / "intake" / "categories.yaml", text.encode())
    return new


def _save(path: Path, model: Model) -> Path:
    from io import BytesIO

    import numpy as np

    packed = BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **model.arrays())
    return _put(path, packed.getvalue())


def _put(path: Path, content: bytes) -> Path:
    """Whole or not at all: a service may be reading there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    return path


def _check(into: Path) -> None:
    from shared.rules import check

    if problems := check(into):
        raise CliError("it was learned, but the directory cannot be used yet: " + "; ".join(problems))


def _show(lesson: Lesson, path: Path, new: Sequence[str], as_json: bool) -> None:
    held_out, model = lesson.held_out, lesson.model
    if as_json:
        said = {"file": str(path), "version": model.version, "examples": lesson.examples, "labels": len(model.labels)}
        figures = {
            "held_out": asdict(held_out),
            "levels": [asdict(level) for level in lesson.levels],
            "added": list(new),
        }
        typer.echo(orjson.dumps({**said, **figures}, option=orjson.OPT_INDENT_2).decode())
        return
    table([asdict(confusion) for confusion in held_out.confusions[:SHOWN]], ("label", "taken_for", "count"), False)
    table([asdict(level) for level in lesson.levels], ("confidence", "spoken", "right"), False)
    if new:
        typer.echo(f"added to categories.yaml: {len(new)} labels, such as {', '.join(new[:3])}")
    typer.echo(
        f"{path}: {len(model.labels)} labels from {lesson.examples} examples, version {model.version}; "
        f"right {held_out.accuracy:.3f} of {held_out.examples} held out"
    )
