"""`customers.v1` (compacted): one view of each customer; an empty value when erased."""

from typing import ClassVar

from shared.events.base import Body, EventData, PersonalText


class Entitled(Body):
    """What a customer has a right to: warranty, onsite, priority, or what the rules call so.

    `until`: the last day (`2027-05-01`), None without end. `of`: the serial or order that it is for, None for all.
    """

    name: str
    until: str | None = None
    of: PersonalText | None = None


class CustomerUpdated(EventData):
    """Contact points are lists: one customer may write from several addresses."""

    TOPIC: ClassVar[str] = "customers.v1"
    TYPE: ClassVar[str] = "customer.updated"
    customer_id: str
    name: PersonalText | None = None
    tier: str | None = None
    language: str | None = None
    phones: tuple[PersonalText, ...] = ()
    emails: tuple[PersonalText, ...] = ()
    app_ids: tuple[PersonalText, ...] = ()
    socials: tuple[PersonalText, ...] = ()
    consents: dict[str, bool] = {}
    merged_into: str | None = None
    entitlements: tuple[Entitled, ...] = ()


EVENTS = (CustomerUpdated,)
