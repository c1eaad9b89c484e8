from __future__ import annotations

from tests import infra

# How a broker and a database can be started on this machine; SWITCHBOARD_TEST_INFRA takes the choice away.
WAYS = ("processes", "docker") if infra._with_containers() else ("processes",)
