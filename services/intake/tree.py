"""The tree of categories as learning needs it: which node a label means, and new labels written into its file."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from services.intake.domain.rules_categories import MAX_NAME, SEPARATOR, CategoriesFile, Category
from shared.rules import RulesError, files, load


class _Tree(BaseModel):
    categories: CategoriesFile


def tree(directory: Path | None) -> CategoriesFile:
    """The tree of a rule directory, else the shipped one. Raises RulesError."""
    return load("intake", _Tree.model_validate, directory, only={"categories"}).categories


def meaning(categories: CategoriesFile, under: str) -> Callable[[str], str]:
    """What a label means: `found`, else a node of that name below the first level `under`, which is to be made.

    It raises ValueError for a label that can be neither.
    """
    top = next((top.name for top in categories.categories if under in (top.name, top.en)), under)

    def meant(label: str) -> str:
        if path := found(label, categories):
            return path
        if len(label.splitlines()) > 1:
            raise ValueError(f"{label[:MAX_NAME]!r} goes over several lines; a name stands on one")
        if len(label) > MAX_NAME:
            raise ValueError(f"{label[:MAX_NAME]}... is longer than {MAX_NAME} characters, too long for a name")
        return f"{top}{SEPARATOR}{label}"

    return meant


def found(label: str, categories: CategoriesFile) -> str | None:
    """The path that a label means: it is a path of two or three names, or the name of one node below the first level.

    None for a name that is nowhere in the tree. Raises ValueError for such a path, for a name that stands twice, and
    for that of a first level, which says too little.
    """
    names = tuple(name.strip() for name in label.split("/"))
    if len(names) > 1:
        path = categories.resolve(names)
        if path is None or len(path) < 2:
            choices = ", ".join(categories.choices(names)) or "no further level"
            raise ValueError(f"{label} is not in the tree; possible there: {choices}")
        return SEPARATOR.join(path)
    paths = [path for path, node in _nodes(categories) if _is_called(node, label)]
    if len(paths) > 1:
        raise ValueError(f"{label} stands more than once in the tree; say which: {'; '.join(paths)}")
    if not paths and any(_is_called(top, label) for top in categories.categories):
        choices = ", ".join(categories.choices((label,)))
        raise ValueError(f"{label} is a first level of the tree; say which below it: {choices}")
    return paths[0] if paths else None


def _is_called(node: Category, label: str) -> bool:
    return label.casefold() in (node.name.casefold(), node.en.casefold())


def _nodes(categories: CategoriesFile) -> Iterator[tuple[str, Category]]:
    """Those of the second and third level, each with its path."""
    for top in categories.categories:
        for second in top.children:
            path = f"{top.name}{SEPARATOR}{second.name}"
            yield path, second
            yield from ((f"{path}{SEPARATOR}{third.name}", third) for third in second.children)


def grown(directory: Path | None, top: str, labels: Iterable[str]) -> str:
    """The text of categories.yaml with these labels as second levels of `top`, which may be new; comments stay.

    Raises RulesError where that makes no tree.
    """
    file = files("intake", directory)["categories"]
    text = file.read_text(encoding="utf-8").rstrip("\n") + "\n"
    tops = _value(yaml.compose(text), "categories")
    known = next((node for node in tops.value if top in (_value(node, "name").value, _value(node, "en").value)), None)
    children = [
        f"- name: {json.dumps(n, ensure_ascii=False)}\n  en: {json.dumps(n, ensure_ascii=False)}" for n in labels
    ]
    if known:
        text = _longer(text, _value(known, "children"), children, file)
    else:
        name = json.dumps(top, ensure_ascii=False)
        below = "\n".join(children).replace("\n", "\n    ")
        text = _longer(text, tops, [f"- name: {name}\n  en: {name}\n  children:\n    {below}"], file)
    try:
        CategoriesFile.model_validate(yaml.safe_load(text))
    except ValueError as error:
        raise RulesError([f"{file}: with the labels of the examples it is no tree: {error}"]) from None
    return text


def _longer(text: str, sequence: Any, items: Iterable[str], file: Path) -> str:
    """With these items at the end of a sequence."""
    if sequence.flow_style:
        raise RulesError([f"{file}:{sequence.start_mark.line + 1}: write one entry a line, so that more can be added"])
    margin = " " * sequence.start_mark.column
    block = "".join(f"{margin}{line}\n" for item in items for line in item.split("\n"))
    at = text.rfind("\n", 0, sequence.end_mark.index) + 1
    return text[:at] + block + text[at:]


def _value(mapping: Any, key: str) -> Any:
    return next(value for name, value in mapping.value if name.value == key)
