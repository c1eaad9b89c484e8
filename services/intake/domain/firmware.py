"""Whether a device's firmware is older than what a knowledge entry holds for (FB-22)."""

import re

_FROM = re.compile(r"v?(\d+(?:\.\d+)*)\s*(?:and later|or later|\+|及以上|以上|起)?")


def older(stated: str, entry: str) -> bool:
    """`entry`: the first version that it holds for (`1.2`, `1.2 and later`). Other words are for people to judge."""
    first, own = _FROM.fullmatch(entry.strip().casefold()), _FROM.fullmatch(stated.strip().casefold())
    return bool(first and own and _numbers(own[1]) < _numbers(first[1]))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
