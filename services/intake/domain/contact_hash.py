"""What a contact says, as sixteen characters: the same words give the same hash, in every release."""

from hashlib import sha256

import orjson

from shared.events.contacts import Contact


def contact_hash(contact: Contact) -> str:
    """Over canonical JSON without what was left at its default, so that a field that is new to the contract changes no
    hash, and an absent field and an empty one are the same. `replies_to` and `self_service` say what came before, not
    what the contact says; the version before does not read them."""
    said = contact.model_dump(mode="json", exclude_defaults=True, exclude={"replies_to", "self_service"})
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
