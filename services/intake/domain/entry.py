"""An entry of the knowledge base (IN-21, IN-22), shipped or approved: what it says in each language, and what for."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from shared.events.feedback import KnowledgeKind, Option, Step


class Wording(BaseModel):
    """`scenario`: when to use it; `questions`: how customers ask for it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    title: str
    scenario: str
    questions: tuple[str, ...] = ()
    body: str = ""
    steps: tuple[Step, ...] = ()
    options: tuple[Option, ...] = ()


class Entry(BaseModel):
    """`categories`: paths of the tree that it belongs to. `products`, `firmware`: what it holds for; empty: for all."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    version: int
    kind: KnowledgeKind
    categories: tuple[tuple[str, ...], ...] = ()
    products: tuple[str, ...] = ()
    firmware: str = ""
    texts: Mapping[str, Wording]
