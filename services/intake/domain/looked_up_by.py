"""By which contact points a customer system is asked who somebody is (IN-8, IN-24)."""

from collections.abc import Mapping
from typing import cast

from services.intake.domain.rules import Rules
from shared.events.contacts import Channel


def looked_up_by(points: Mapping[str, str], channel: str, rules: Rules) -> tuple[str, ...]:
    """Those that the channel vouches for, so that nobody gets another's tier by stating his number; what he states only
    where it vouches for none. What the rules list as shared is nobody's.

    `points`: by field, as `customer.stated_points`.
    """
    telling = {field: point for field, point in points.items() if point and not rules.joining.is_shared(point)}
    kinds = rules.ask.vouched_for.get(cast(Channel, channel), ())
    vouched = [telling[field] for field in kinds if field in telling]
    return tuple(vouched or telling.values())
