"""Key facts in a customer's words (IN-8): order number, device model, serial number, account."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from shared.events.contacts import Facts

FACTS = ("order", "device_model", "serial", "account")
MAX_FACT = 100

_DIGIT = re.compile(r"\d")
_IS = r"\s*(?:是|为|[:#=]|\bis\b)?\s*"
_CODE = r"(?!20\d\d-\d\d?-\d\d?)((?=[a-z-]*\d)[a-z0-9](?:[a-z0-9-]{2,38}[a-z0-9])(?![a-z0-9]))"
_BEFORE = r"(?<![a-z0-9])"


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.ASCII)


_ORDER = _pattern(
    r"(?:订单(?:号码|编号|号)?|单号|运单(?:号)?|快递单号)" + _IS + _CODE,
    _BEFORE + r"order\s*(?:no\.?|number|num|id)?" + _IS + _CODE,
    _BEFORE + r"([a-z]{1,3}20\d{6}-\d{2,10})(?![a-z0-9])",
)
_SERIAL = _pattern(
    r"(?:序列号|机身号|机器编号|设备编号)" + _IS + _CODE,
    _BEFORE + r"serial\s*(?:no\.?|number|num)?" + _IS + _CODE,
    _BEFORE + r"(sn-?\d{4,20})(?![a-z0-9])",
    _BEFORE + r"s/?n\s*[:#]?\s*" + _CODE,
)
_ACCOUNT = _pattern(
    r"(?:账号|帐号|账户|帐户|户号|会员号|用户名)" + _IS + r"((?=[\w.@-]*\d)[a-z0-9][\w.@-]{2,62}[a-z0-9])",
    _BEFORE + r"account\s*(?:no\.?|number|num|id)" + _IS + _CODE,
)


@lru_cache(maxsize=8)
def _device(nouns: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, nouns), key=len, reverse=True))
    model = r"([a-z]{1,6}-?\d{1,5}[a-z]{0,4}(?:-[a-z0-9]{1,6})?)(?![a-z0-9-])"
    return _pattern(
        r"型号" + _IS + r"([a-z0-9][a-z0-9-]{1,30})",
        _BEFORE + r"model\s*(?:no\.?|number)?" + _IS + r"((?=[a-z-]*\d)[a-z0-9-]{2,30})",
        rf"(?:{names})\s*" + model,
        _BEFORE + model + rf"\s*(?:{names})",
    )


def extracted_facts(text: str, devices: tuple[str, ...]) -> dict[str, str]:
    """The first of each kind of fact that the text names, in capitals where it is a code."""
    if not _DIGIT.search(text):
        return {}
    text = unicodedata.normalize("NFKC", text)
    patterns = {"order": _ORDER, "serial": _SERIAL, "device_model": _device(devices), "account": _ACCOUNT}
    found = {name: _first(pattern, text) for name, pattern in patterns.items()}
    if found["device_model"] and found["device_model"] == found["serial"]:
        found["device_model"] = None
    return {name: value for name in FACTS if (value := found[name])}


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    if match is None:
        return None
    value = next(group for group in match.groups() if group)
    return value if "@" in value else value.upper()


def given_facts(facts: Facts) -> dict[str, str]:
    """What the channel system states outright."""
    stated = ((name, (getattr(facts, name) or "").strip()[:MAX_FACT]) for name in FACTS)
    return {name: value for name, value in stated if value}


def joined_facts(
    known: Mapping[str, str], known_given: frozenset[str], new: Mapping[str, str], new_given: frozenset[str], *,
    corrects: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Known and new facts as one. Given beats extracted; among equals the known stays, unless the new `corrects` it."""
    joined = dict(known)
    for name, value in new.items():
        weaker = name in known_given and name not in new_given
        stronger = name in new_given and name not in known_given
        if name not in joined or stronger or (corrects and not weaker):
            joined[name] = value
    return {name: joined[name] for name in FACTS if name in joined}
