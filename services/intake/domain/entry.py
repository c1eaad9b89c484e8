"""An entry of the knowledge base (IN-21, IN-22), shipped or approved: what it says in each language, and what for."""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict

from shared.events.feedback import Audience, KnowledgeKind, Option, Step


class Wording(BaseModel):
    """`scenario`: when to use it; `questions`: how customers ask for it; `audience`: who may read it.

    `version`: of the entry that said it so; None: the entry's own.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    title: str
    scenario: str
    questions: tuple[str, ...] = ()
    body: str = ""
    steps: tuple[Step, ...] = ()
    options: tuple[Option, ...] = ()
    audience: Audience = "all"
    version: int | None = None


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

    def version_in(self, language: str) -> int:
        return self.texts[language].version or self.version

    def only(self, wanted: Callable[[str], bool]) -> "Entry | None":
        """With the languages that are wanted; None if there are none."""
        texts = {language: text for language, text in self.texts.items() if wanted(language)}
        return self.model_copy(update={"texts": texts}) if texts else None

    def for_customers(self) -> "Entry | None":
        return self.only(lambda language: self.texts[language].audience == "all")

    def later_than(self, version: int) -> "Entry | None":
        return self.only(lambda language: self.version_in(language) > version)

    def over(self, older: "Entry") -> "Entry":
        """This version, with what only the older one says: other languages, categories, what it holds for."""
        kept = {
            language: text.model_copy(update={"version": older.version_in(language)})
            for language, text in older.texts.items()
            if language not in self.texts
        }
        bound = self if self.products or self.firmware else older
        return self.model_copy(
            update={
                "texts": {**kept, **self.texts},
                "categories": self.categories or older.categories,
                "products": bound.products,
                "firmware": bound.firmware,
            }
        )
