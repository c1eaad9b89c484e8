"""What the services say of themselves: alive, ready, and their figures, from doors that ask for no key.

`Signs` is one replica, `Health` a service with all replicas whose addresses are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from math import isnan

import httpx
from prometheus_client.parser import text_string_to_metric_families

from cli.doors import Door
from shared.metrics import PREFIX

TIMEOUT_S = 5.0
Place = tuple[str, int]
"""Topic and partition."""
Pair = tuple[str, str]
"""Topic and reader."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`gauges` by name without prefix, for those without labels; `lag`: records not applied, by partition."""

    gauges: Mapping[str, float] = field(default_factory=dict)
    lag: Mapping[Place, int] = field(default_factory=dict)
    calendars: Mapping[str, float] = field(default_factory=dict)
    version: str = ""
    unseen: Mapping[Pair, float] = field(default_factory=dict)
    """Records that a reader has not applied in time; without the pairs of which that is not known."""


@dataclass(frozen=True, slots=True)
class Signs:
    """One replica. `why_not`: why it is not alive or not ready. `notes`: what else it says wants mending."""

    door: Door
    alive: bool = False
    ready: bool = False
    why_not: str = ""
    figures: Figures = Figures()
    owned: frozenset[Place] | None = None
    """The partitions it reads, where a key lets us ask; what it says of others is old."""
    stopped: frozenset[Place] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """A service. `replicas` is empty where no address of it is known."""

    service: str
    replicas: tuple[Signs, ...] = ()

    def gauge(self, name: str) -> float | None:
        """Replicas look into the same store: the largest is the newest bad news. None if nobody says."""
        return max((s.figures.gauges[name] for s in self.replicas if name in s.figures.gauges), default=None)

    @property
    def skew(self) -> float | None:
        """Seconds; of the replica whose clock is furthest off."""
        name = "clock_skew_seconds"
        return max((s.figures.gauges[name] for s in self.replicas if name in s.figures.gauges), key=abs, default=None)

    @property
    def partitions_stopped(self) -> int:
        """As the store says; where no key lets us ask it, as the replicas said last."""
        asked = any(s.owned is not None for s in self.replicas)
        return len(self.stopped) if asked else int(self.gauge("partitions_stopped") or 0)

    @property
    def stopped(self) -> list[Place]:
        return sorted({place for s in self.replicas for place in s.stopped})

    @property
    def notes(self) -> list[str]:
        return sorted({note for s in self.replicas for note in s.notes})

    @property
    def lag(self) -> dict[Place, int]:
        """By partition, as its reader says; where two say something, the larger."""
        lag: dict[Place, int] = {}
        for signs in self.replicas:
            for place, records in signs.figures.lag.items():
                if signs.owned is None or place in signs.owned:
                    lag[place] = max(records, lag.get(place, 0))
        return lag

    @property
    def unseen(self) -> dict[Pair, int]:
        """By topic and reader, as this service counts; its replicas count the same, so the largest."""
        unseen: dict[Pair, int] = {}
        for pair, records in (item for signs in self.replicas for item in signs.figures.unseen.items()):
            unseen[pair] = max(int(records), unseen.get(pair, 0))
        return unseen

    @property
    def versions(self) -> list[str]:
        return sorted({s.figures.version for s in self.replicas if s.figures.version})


def read(names: Iterable[str], doors: Sequence[Door], key: str | None) -> list[Health]:
    """How each service is now. Asks all replicas at once; one that is silent costs TIMEOUT_S and no error."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(headers=headers, timeout=TIMEOUT_S) as client, ThreadPoolExecutor(16) as pool:
        signs = list(pool.map(lambda door: _signs(client, door), sorted(doors)))
    found = {name: tuple(group) for name, group in groupby(signs, lambda one: one.door.service)}
    return [Health(name, found.get(name, ())) for name in names]


def _signs(client: httpx.Client, door: Door) -> Signs:
    try:
        client.get(f"{door.address}/livez").raise_for_status()
        ready = client.get(f"{door.address}/readyz")
        said = ready.json()
        reasons, notes = said["reasons"], tuple(said.get("notes", ()))
        figures = parse(client.get(f"{door.address}/metrics").raise_for_status().text)
        owned, stopped = _partitions(client.get(f"{door.address}/v1/partitions"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Signs(door, why_not=str(error) or type(error).__name__)
    except (ValueError, KeyError, TypeError):
        return Signs(door, why_not="what answers there is no service of ours")
    return Signs(door, True, ready.status_code == 200, "; ".join(reasons), figures, owned, stopped, notes)


def parse(text: str) -> Figures:
    """Raises ValueError if the text is not what Prometheus reads."""
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    ours = [(s.name.removeprefix(PREFIX), s.labels, s.value) for s in samples if s.name.startswith(PREFIX)]
    return Figures(
        gauges={name: value for name, labels, value in ours if set(labels) == {"service"}},
        lag={(at["topic"], int(at["partition"])): int(v) for name, at, v in ours if name == "consumer_lag_records"},
        calendars={at["calendar"]: value for name, at, value in ours if name == "calendar_days_left"},
        unseen={(at["topic"], at["reader"]): v for name, at, v in ours if name == "events_unseen" and not isnan(v)},
        version=next((_version(labels) for name, labels, _ in ours if name == "build_info"), ""),
    )


def _version(labels: Mapping[str, str]) -> str:
    revision = labels["revision"][:9]
    return labels["version"] if revision == "unknown" else f"{labels['version']} ({revision})"


def _partitions(answer: httpx.Response) -> tuple[frozenset[Place] | None, frozenset[Place]]:
    """Those that a replica reads, and those that stand still, whoever reads them. Without a key that may ask, nothing
    is known."""
    if not answer.is_success:
        return None, frozenset()
    items = answer.json()["items"]
    owned = frozenset((item["topic"], item["partition"]) for item in items if item["owned"])
    return owned, frozenset((item["topic"], item["partition"]) for item in items if item["stopped"])
