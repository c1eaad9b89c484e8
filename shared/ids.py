"""Identities that anyone can compute again: UUIDv5 of names, case numbers, partitions."""

from functools import lru_cache
from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("6f1d2c1e-5b0a-5c58-9a53-3b1f6d0e7a41")
_NAMESPACE = NAMESPACE.bytes
_LONGEST_REMEMBERED = 200
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def named(*parts: object) -> str:
    """The UUIDv5 of the parts, joined by a character that no part should hold."""
    name = "\x1f".join(map(str, parts)).encode()
    text = sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]  # of RFC 9562
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def event_id(topic: str, subject: str, sequence: int) -> str:
    return named(topic, subject, sequence)


def contact_id(source: str, id_: str) -> str:
    """The identity of a contact, the same for all its revisions."""
    return named("contact", source, id_)


def contact_event_id(source: str, id_: str, revision: int) -> str:
    return named("contact", source, id_, revision)


def case_number(case_id: str) -> str:
    """Eight Crockford base-32 characters (40 bits) of a case id: `7KQ4-M2XD`."""
    bits = int(case_id[-10:], 16)
    digits = "".join(_CROCKFORD[(bits >> shift) & 31] for shift in range(35, -1, -5))
    return f"{digits[:4]}-{digits[4:]}"


def partition_of(key: str | bytes, partitions: int) -> int:
    """The partition Kafka's default partitioner gives a keyed record (murmur2, seed 0x9747b28c)."""
    data = key if isinstance(key, bytes) else key.encode()
    hashed = _remembered(data) if len(data) <= _LONGEST_REMEMBERED else murmur2(data)
    return (hashed & 0x7FFFFFFF) % partitions


@lru_cache(65_536)
def _remembered(data: bytes) -> int:
    return murmur2(data)


def murmur2(data: bytes) -> int:
    """MurmurHash2 in 32 bits as Kafka's clients compute it."""
    length, mask, m = len(data), 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ length
    for start in range(0, length - length % 4, 4):
        k = int.from_bytes(data[start : start + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = data[length - length % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
