"""What an overlay sends to a cluster, and what each of its containers is told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from deploy.local.paths import ROOT

OVERLAYS = ("local", "production")
K8S = ROOT / "deploy" / "k8s"
Manifest = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "Job")


@lru_cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """All objects of an overlay, as kustomize makes them."""
    assert shutil.which("kubectl"), "kubectl is missing; `make check` names the command that installs it"
    command = ["kubectl", "kustomize", str(K8S / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def name_of(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name


def component_of(manifest: Manifest) -> str:
    """The name of the service that it belongs to."""
    name: str = manifest["metadata"]["labels"].get("app.kubernetes.io/component", "")
    return name


def services_of(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    """The Deployments of our services by name."""
    return {component_of(one): one for one in of_kind(manifests, "Deployment")}


@dataclass(frozen=True)
class Container:
    """The one container of a workload, with what its pod says of it."""

    workload: Manifest

    @property
    def pod(self) -> dict[str, Any]:
        pod: dict[str, Any] = self.workload["spec"]["template"]["spec"]
        return pod

    @property
    def spec(self) -> dict[str, Any]:
        (spec,) = self.pod["containers"]
        return dict(spec)

    @property
    def ours(self) -> bool:
        return "/switchboard-" in self.spec["image"]

    def environment(self, given: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Its variables. `given`: by name, what each ConfigMap and Secret holds; KeyError if one is not there."""
        found: dict[str, str] = {}
        for source in self.spec.get("envFrom", ()):
            (reference,) = (source[kind] for kind in ("configMapRef", "secretRef") if kind in source)
            if reference["name"] in given or not reference.get("optional"):
                found |= given[reference["name"]]
        return found | {one["name"]: one["value"] for one in self.spec.get("env", ())}

    def port(self, named: str | int) -> int:
        """A port by its name, as probes call it."""
        ports = {one["name"]: one["containerPort"] for one in self.spec["ports"]}
        return ports[named] if isinstance(named, str) else named

    def mounts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where, and which volume of the pod or claim of the set."""
        volumes = {one["name"]: one for one in self.pod.get("volumes", ())}
        claims = {one["metadata"]["name"]: one for one in self.workload["spec"].get("volumeClaimTemplates", ())}
        for mount in self.spec.get("volumeMounts", ()):
            yield mount["mountPath"], (volumes | claims)[mount["name"]]


def containers_of(manifests: Sequence[Manifest]) -> dict[str, Container]:
    """By the name of its workload."""
    return {name_of(one): Container(one) for kind in WORKLOADS for one in of_kind(manifests, kind)}
