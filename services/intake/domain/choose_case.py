"""To which case a new contact belongs (IN-4): the first of these rules that finds one decides, and is named.

    conversation   an open case holds its conversation
    thread         it answers a contact that a case holds (a mail, a post)
    number         it names the case, and comes from that case's customer
    order, serial  an open case of the customer is about the same order or device
    topic          a case of the customer that is not solved is about the same second-level category, and he spoke of
                   it lately
    mention        it speaks of something reported before: the case of the customer that is open, or was lately, unless
                   that is about another topic
    caller         he calls, of what nobody wrote down yet, and one case of his is open
    called         we call him: the case of his of which he spoke last, open or ended lately, unless that is about
                   another matter

Whoever speaks in a case's conversation or thread without being its customer is heard there, but is not taken for him:
the case claims nothing for him, and he is not the one who is told of it (`whose.py`). A case whose customer could not
be recognised is found from then on by what it is about, under whoever he turns out to be.

A closed case is opened again for a while after its end; later a new case follows it and says so.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.intake.domain.claims import FACTS, LEAF, are_two, claim, of_present_id
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.rules_joining import JoiningFile

_TOPICAL = ("topic", "mention", "caller")
_BY_MATTER = (*_TOPICAL, "called")


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a case without reading it. `full`: it takes no contact more; `crowded`: no conversation more.

    `facts`, `topic`: what it is about (`claims.matter`, the second-level category if that is certain). `unknown`: its
    customer can't be recognised (`whose.is_unknown`).
    """

    case_id: str
    status: str
    customer_id: str
    touched_at: datetime
    closed_at: datetime | None = None
    full: bool = False
    crowded: bool = False
    unknown: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a contact says of where it belongs. `claims`: see `claims.claims`; `replies`: newest first.

    `topic`: by which it finds a case; `category`: the second level that a case without one takes from it.
    `customer_id`: who he is now, "" for who can't be told from others; `reachable`: whether he can be recognised later.
    `silent`: a call of which there are no words yet; `ours`: we called him; `asks`: see `asks.asks_by_itself`.
    """

    contact_id: str
    conversation: str = ""
    replies: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    topic: str = ""
    category: str = ""
    customer_id: str = ""
    reachable: bool = True
    customer_ids: frozenset[str] = frozenset()
    mentions: bool = False
    silent: bool = False
    ours: bool = False
    asks: bool = True

    @property
    def speaks_of_his(self) -> bool:
        """Whether any case of his may be meant, whatever it is about."""
        return self.mentions or self.silent or self.ours

    @property
    def names(self) -> tuple[str, ...]:
        """What an open case may claim."""
        own = (self.conversation,) if self.conversation else ()
        return (*own, *(name for names in self.claims.values() for name in names))


@dataclass(frozen=True, slots=True)
class Found:
    """What there is: by contact, by name claimed now or once, by number, by customer (those that he may refer to).

    `learned`: by case id, what the contacts of this batch have made of a case so far.
    """

    contacts: MutableMapping[str, Held]
    names: MutableMapping[str, Held]
    past: Mapping[str, Sequence[Held]]
    numbers: Mapping[str, Sequence[Held]]
    latest: MutableMapping[str, list[Held]]
    learned: MutableMapping[str, Held] = field(default_factory=dict)

    def newest(self, held: Held) -> Held:
        return self.learned.get(held.case_id, held)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contact goes. No case id: it opens one.

    `held`: the case that is there, before it takes the contact in; `of`: its customer from then on. `claims`: what the
    case may claim for it. `follows`: the case it goes on from, which is over. `given_up`: claims of cases that have not
    been spoken of for too long, to be taken from them first. `related`: another open case about the same order or
    device.
    """

    case_id: str = ""
    by: str = ""
    claims: tuple[str, ...] = ()
    follows: str = ""
    given_up: tuple[tuple[str, str], ...] = ()
    related: str = ""
    of: str = ""
    held: Held | None = None


def choose_case(asked: Asked, found: Found, now: datetime, rules: JoiningFile) -> Place:
    follows, given_up = "", []
    for rule, name, before in _candidates(asked, found):
        held = found.newest(before)
        fits = _fits(rule, name, held, asked, now, rules)
        if fits == "joins":
            of = (asked.customer_id if held.unknown else "") or held.customer_id
            related = _related(held.case_id, asked, found)
            return Place(held.case_id, rule, _for_him(asked, found, held, rules), related=related, of=of, held=held)
        if fits != "no":
            follows = follows or held.case_id
            given_up += [(held.case_id, name)] if name else []
    freed = {name for _, name in given_up}
    return Place(claims=_free(asked, found, "", freed), follows=follows, given_up=tuple(given_up))


def where_it_is(case_id: str, asked: Asked, found: Found) -> Place:
    """A contact is said better: what it is about now finds its case too."""
    return Place(case_id, "contact", _free(asked, found, case_id), related=_related(case_id, asked, found))


def _related(case_id: str, asked: Asked, found: Found) -> str:
    """Another open case about the same order or device; "" without one."""
    named = (found.names[name] for rule, names in asked.claims.items() for name in names
             if rule not in _TOPICAL and name in found.names)  # fmt: skip
    others = (held for held in map(found.newest, named) if held.case_id != case_id and held.status != "closed")
    return next((held.case_id for held in others), "")


def _candidates(asked: Asked, found: Found) -> Iterator[tuple[str, str, Held]]:
    """Rule, the claimed name if it is one, and the case."""
    if asked.conversation:
        yield from _claimed("conversation", (asked.conversation,), found)
    for reply in asked.replies:
        if reply in found.contacts:
            yield "thread", "", found.contacts[reply]
    for number in asked.numbers:
        numbered = map(found.newest, found.numbers.get(number, ()))
        theirs = (held for held in numbered if held.customer_id in asked.customer_ids)
        yield from (("number", "", held) for held in theirs)
    for rule, names in asked.claims.items():
        yield from _claimed(rule, names, found)
    cases = {held.case_id: held for id_ in asked.customer_ids for held in found.latest.get(id_, ())}.values()
    lively = sorted(map(found.newest, cases), key=_liveliest, reverse=True)
    if asked.mentions:
        alike = sorted(lively, key=lambda held: bool(held.topic) and held.topic == asked.topic, reverse=True)
        yield from (("mention", "", held) for held in alike)
    if asked.ours:
        yield from (("called", "", held) for held in lively)
    elif asked.silent:
        live = [held for held in lively if held.status != "closed"]
        yield from (("caller", "", held) for held in live if len(live) == 1)


def _liveliest(held: Held) -> tuple[bool, datetime]:
    return held.status != "closed", held.touched_at


def _claimed(rule: str, names: tuple[str, ...], found: Found) -> Iterator[tuple[str, str, Held]]:
    yield from ((rule, name, found.names[name]) for name in names if name in found.names)
    once = [found.newest(held) for name in names for held in found.past.get(name, ())]
    yield from ((rule, "", held) for held in sorted(once, key=lambda held: held.touched_at, reverse=True))


def _fits(
    rule: str, name: str, held: Held, asked: Asked, now: datetime, rules: JoiningFile
) -> Literal["joins", "follows", "stale", "no"]:
    if rule in _BY_MATTER and _about_another(rule, held, asked, rules):
        return "no"
    if rule == "topic" and held.status in SETTLED:
        return _link(now - (held.closed_at or held.touched_at) <= rules.link_within)
    if held.status == "closed":
        ago = now - (held.closed_at or held.touched_at)
        return "joins" if ago <= rules.reopen_within and not held.full else _link(ago <= rules.link_within)
    if held.full or (held.crowded and asked.conversation and name != asked.conversation):
        return "follows"
    return "stale" if rule in _TOPICAL and now - held.touched_at > rules.topic_within else "joins"


def _link(close_enough: bool) -> Literal["follows", "no"]:
    return "follows" if close_enough else "no"


def _about_another(rule: str, held: Held, asked: Asked, rules: JoiningFile) -> bool:
    """For the topic, which the case claims whatever else it is about, two third levels are two matters."""
    if rule == "topic":
        leaf = asked.facts.get(LEAF, "")
        return are_two(asked.facts, "", held.facts, "") or (bool(leaf) and held.facts.get(LEAF, leaf) != leaf)
    return are_two(asked.facts, asked.topic, held.facts, "" if held.topic in rules.no_topics else held.topic)


def _for_him(asked: Asked, found: Found, held: Held, rules: JoiningFile) -> tuple[str, ...]:
    """What a case may claim for who joins it; once its customer is known, what it was about before too."""
    if not held.unknown:
        return _free(asked, found, held.case_id) if held.customer_id in asked.customer_ids else ()
    known = tuple(name for name in inherited(asked, held, rules) if _is_free(name, found, held.case_id))
    return tuple(dict.fromkeys((*_free(asked, found, held.case_id), *known)))


def inherited(asked: Asked, held: Held, rules: JoiningFile) -> tuple[str, ...]:
    """The names of a case's matter under the customer who turns out to be its own."""
    if not (held.unknown and asked.customer_id):
        return ()
    about = {fact: held.facts[fact] for fact in FACTS if fact in held.facts}
    topic = {"topic": held.topic} if held.topic and held.topic not in rules.no_topics else {}
    return tuple(claim(asked.customer_id, rule, value) for rule, value in (about | topic).items())


def _free(asked: Asked, found: Found, case_id: str, freed: frozenset[str] | set[str] = frozenset()) -> tuple[str, ...]:
    """What the contact lets its case claim: under the customer's present id, and no other open case's."""
    own = (name for names in asked.claims.values() for name in of_present_id(names))
    return tuple(name for name in own if name in freed or _is_free(name, found, case_id))


def _is_free(name: str, found: Found, case_id: str) -> bool:
    return name not in found.names or found.names[name].case_id == case_id
