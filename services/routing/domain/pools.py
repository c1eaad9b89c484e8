"""Which pool a case belongs to, and how skilled its agent should be.

A pool is a skill group in one language, `payments.zh`: both must fit before a case can be offered, so this is the
line in which a customer really stands; its depth and its estimate tell the truth about that line.
"""

from dataclasses import dataclass

from services.routing.domain.rules import SEPARATOR, Rules
from shared.events.cases import Kind, Priority


@dataclass(frozen=True, slots=True)
class Place:
    skill: str
    language: str
    level: int

    @property
    def pool(self) -> str:
        return pool_id(self.skill, self.language)


def place(
    category: tuple[str, ...], kind: Kind, priority: Priority, language: str, rules: Rules, review: str | None = None
) -> Place:
    skill = skill_wanted(category, review, rules)
    return Place(skill, language_of(language, rules), level_wanted(priority, kind, rules))


def pool_id(skill: str, language: str) -> str:
    return f"{skill}.{language}"


def skill_of_pool(pool: str) -> tuple[str, str]:
    """(skill, language); a language never has a dot."""
    skill, _, language = pool.rpartition(".")
    return skill, language


def skill_wanted(category: tuple[str, ...], review: str | None, rules: Rules) -> str:
    """What a person must look at first goes to the group of manual review 人工复核, if there is one (RT-2)."""
    return rules.pools.review if review and rules.pools.review else skill_of(category, rules)


def skill_of(category: tuple[str, ...], rules: Rules) -> str:
    """The skill of the longest path that the category begins with."""
    paths = (SEPARATOR.join(category[:length]) for length in range(len(category), 0, -1))
    return next(
        (rules.pools.categories[path] for path in paths if path in rules.pools.categories), rules.pools.otherwise
    )


def level_wanted(priority: Priority, kind: Kind, rules: Rules) -> int:
    return max(rules.pools.levels[priority], rules.pools.kinds.get(kind, 1))


def language_of(language: str, rules: Rules) -> str:
    """`zh-CN` is served as `zh`; a language that is not served, in the one that stands in for it."""
    plain = plain_language(language)
    return plain if plain in rules.pools.languages.served else rules.pools.languages.otherwise


def plain_language(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def skill_named(name: str, rules: Rules) -> str | None:
    """The skill that a person means by its id, a pool's id, its Chinese or English name, or a category."""
    wanted = name.strip().lower()
    for skill, group in rules.pools.skills.items():
        if wanted in (skill.lower(), group.zh.lower(), group.en.lower()) or wanted.rsplit(".", 1)[0] == skill.lower():
            return skill
    return rules.pools.categories.get(name.strip())
