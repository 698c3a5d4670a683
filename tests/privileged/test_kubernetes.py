"""The example manifests, laid out as a kubelet lays them out, under the user that they name."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sealwire import MemorySealerState, Sealer, listen_from, wall_clock_ms
from sealwire.cli.app import run
from sealwire.client import Client
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.recommended import local_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Child

    Fork = Callable[[Callable[[], object]], Child]

MANIFESTS = Path(__file__).parents[2] / "examples" / "kubernetes" / "payments.yaml"
ALICE, HOST = new_signing_key("alice"), new_signing_key("payments@prod")
LOGGER = "sealwire-kubernetes.db"


class Pod:
    """What of the manifests is looked at, with other paths and another port."""

    def __init__(self, folder: Path) -> None:
        """Read them; nothing is laid out yet."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.settings, self.memory = folder / "settings", folder / "memory"
        text = (
            MANIFESTS.read_text("utf-8")
            .replace("/etc/sealwire/payments@prod", str(self.settings))
            .replace("/var/lib/payments", str(self.memory))
            .replace("127.0.0.1:9030", f"127.0.0.1:{port}")
        )
        kinds = {each["kind"]: each for each in yaml.safe_load_all(text)}
        self.config_map: dict[str, str] = kinds["ConfigMap"]["data"]
        self.spec: dict[str, Any] = kinds["Deployment"]["spec"]["template"]["spec"]
        self.user: int = self.spec["securityContext"]["runAsUser"]
        self.group: int = self.spec["securityContext"]["fsGroup"]
        self.address = f"tcp:127.0.0.1:{port}"

    def become_its_user(self) -> None:
        """Take its user and its groups, for good."""
        os.setgroups([self.group])
        os.setgid(self.spec["securityContext"]["runAsGroup"])
        os.setuid(self.user)

    def init(self) -> int:
        """Run what the init container runs where there is no state yet, and give its status."""
        (container,) = self.spec["initContainers"]
        shell, flag, script = container["command"]
        assert ("/bin/sh", "-c") == (shell, flag)
        asked, _, otherwise = script.partition(" || ")
        if 0 == subprocess.run(shlex.split(asked), check=False).returncode:
            return 0
        name, *arguments = shlex.split(otherwise)
        assert "sealwire" == name
        return run(arguments)


@pytest.fixture
def pod(folder: Path) -> Iterator[Pod]:
    """Lay the volumes out: projected, with the modes of an ``fsGroup``, and an ``emptyDir``."""
    folder.chmod(0o755)
    pod = Pod(folder)
    source = folder / "source"
    version = source / "..2026_11_27_15_00_00.123456789"
    version.mkdir(parents=True)
    (source / "..data").symlink_to(version.name)
    for name, text in pod.config_map.items():
        (version / name).write_text(text, encoding="utf-8")
    (version / "alice.pub").unlink()
    write_key_file(version / "alice.pub", ALICE.verify_key)
    write_key_file(version / "receipt.key", HOST)
    for each in version.iterdir():
        each.chmod(0o440)
        os.chown(each, 0, pod.group)
        (source / each.name).symlink_to(f"..data/{each.name}")
    for directory, mode in ((version, 0o2755), (source, 0o3777)):
        os.chown(directory, 0, pod.group)
        directory.chmod(mode)
    pod.memory.mkdir()
    os.chown(pod.memory, 0, pod.group)
    pod.memory.chmod(0o2777)
    pod.settings.mkdir()
    mount("--bind", source, pod.settings)
    try:
        mount("-o", "remount,ro,bind", pod.settings)
        yield pod
    finally:
        subprocess.run(["umount", pod.settings], check=True)


def mount(*arguments: str | Path) -> None:
    """Mount something."""
    subprocess.run(["mount", *arguments], check=True)


def test_the_pod_listens(pod: Pod, child: Fork) -> None:
    """With what its volumes hold, as its user; and its init container may run once more."""

    def kept() -> dict[Path, int]:
        return {each: each.stat().st_ino for each in (pod.memory / "state").iterdir()}

    def program() -> None:
        pod.become_its_user()
        assert 0 == pod.init()
        before = kept()
        assert 0 == pod.init()
        assert before == kept()
        sealer = Sealer(
            "payments@prod",
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        with listen_from(pod.settings / "service.toml"):
            client = Client(pod.address, sealer, receipt_key=HOST.verify_key)
            client.lease({LOGGER: "DEBUG"}, for_s=60)
            assert logging.DEBUG == logging.getLogger(LOGGER).level

    child(program).check()


def test_least_rights(pod: Pod) -> None:
    """Of the pod, and of each container in it."""
    context = pod.spec["securityContext"]
    assert context["runAsNonRoot"]
    assert 0 != context["runAsUser"]
    assert pod.spec["automountServiceAccountToken"] is False
    for container in (*pod.spec["initContainers"], *pod.spec["containers"]):
        assert {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        } == container["securityContext"]


def test_nothing_depends_on_sealwire(pod: Pod) -> None:
    """No probe asks it, and no port of it is named."""
    (container,) = pod.spec["containers"]
    assert ["http"] == [each["name"] for each in container["ports"]]
    assert "http" == container["readinessProbe"]["httpGet"]["port"]
    assert not {"livenessProbe", "startupProbe"} & container.keys()
