from __future__ import annotations

import os
from collections.abc import Sequence

from deploy.local import downloads
from deploy.local.paths import Paths
from deploy.local.ports import Reserved
from deploy.local.processes import ProcessRef, spawn
from deploy.local.readiness import REPLICA_SET


def start(place: Reserved, paths: Paths, name: str = "mongo", more: Sequence[str] = ()) -> ProcessRef:
    """One mongod of a replica set still to be initiated, with `more` arguments. Raises MissingTool, DownloadFailed."""
    home = downloads.mongod_home()
    data = paths.data(name)
    data.mkdir(parents=True, exist_ok=True)
    argv = [str(home / "mongod"), "--replSet", REPLICA_SET, "--bind_ip", "localhost", "--port", str(place.port)]
    argv += ["--dbpath", str(data)]
    memory = ["--wiredTigerCacheSizeGB", "0.5", "--setParameter", "diagnosticDataCollectionEnabled=false"]
    return spawn([*argv, *memory, *more], {**os.environ, "LD_LIBRARY_PATH": str(home)}, paths.log(name), [place])
