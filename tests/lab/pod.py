"""The pod of a Deployment, run on this machine as a kubelet would run it, as far as that can be had without one.

What is taken from the manifest, as the API server has it: arguments, environment, user and groups, volumes, probes,
which capabilities are left, and whether the root is read-only. What is taken from the Containerfile: environment and
entry point. Instead of an image there is this machine's `/usr` and this checkout, both read-only, and nothing else. The
pod has processes and mounts of its own, and this machine's network. It cannot show: the image itself, seccomp, limits
of memory and processor, network policies, the cluster's name server, and what a kubelet does when a probe fails.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.control_plane import Cluster

ROOT = Path(__file__).parents[2]
COMPILED = Path(os.environ.get("CLUSTER_CACHE", "/var/tmp/froyo-cluster-bin"), "compiled")
"""The cache of all pods that are given it: they need not compile the same, which takes a minute on a busy machine."""
PAUSE = 0.05
"""Seconds between two looks of one who waits: the machine is needed by those who are waited for."""
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Pod:
    """A pod that runs.

    Args:
        cluster: whose pod it is.
        directory: where its volumes are, which outlive it, and its log.
        namespace: of the Deployment.
        deployment: its name.
        name: of the pod.
        instead: arguments in the place of those of the manifest.
        cache: what its cache is, so that not each pod has to compile the same.
    """

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        *,
        namespace: str = "froyo-system",
        deployment: str = "froyo-operator",
        name: str = "froyo-operator-0",
        instead: list[str] | None = None,
        cache: Path | None = None,
    ) -> None:
        found = cluster.get("deployment", deployment, "--namespace", namespace)
        self.spec: dict[str, Any] = found["spec"]["template"]["spec"]
        [self.container] = self.spec["containers"]
        self.name, self.namespace, self.directory = name, namespace, directory
        self.args = instead if instead is not None else list(self.container["args"])
        self.log = directory / f"{name}.log"
        self._cluster = cluster
        self._cache = cache
        self.renew_token()
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", self._script()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def renew_token(self) -> None:
        """Exchange its token for a new one, as the kubelet does every hour."""
        account = self.directory / "account"
        said = self._cluster.run("account", self.namespace, self.spec["serviceAccountName"], str(account))
        self.service = dict(one.split("=", 1) for one in said.split())
        for path in (account, *account.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)

    @property
    def text(self) -> str:
        """What it has said."""
        return self.log.read_text()

    @property
    def pid(self) -> int:
        """Of its first process, as seen from here; 0 when there is none."""
        with contextlib.suppress(OSError, ValueError):
            own = self._process.pid
            return int(Path(f"/proc/{own}/task/{own}/children").read_text().split()[0])
        return 0

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None

    def probe(self, which: str) -> tuple[int, str]:
        """What a probe of the manifest is answered; (0, why) when nobody does."""
        asked = self.container[which]["httpGet"]
        port = next(one["containerPort"] for one in self.container["ports"] if one["name"] == asked["port"])
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}{asked['path']}?verbose", timeout=5
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def froyo(self, *words: str) -> str:
        """What a command prints that is run in it, as by `kubectl exec`."""
        become = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--root", "--wd=/"]
        user = self.spec["securityContext"]
        become += [
            "setpriv",
            f"--reuid={user['runAsUser']}",
            f"--regid={user['runAsGroup']}",
            "--clear-groups",
        ]
        environ = [f"{key}={value}" for key, value in self._environ().items()]
        done = subprocess.run(
            [*become, "env", "-i", *environ, *entry_point(), *words],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def terminate(self) -> int:
        """End it in order, as the kubelet does; its exit status."""
        self.signal(signal.SIGTERM)
        return self._process.wait(60)

    def signal(self, number: int) -> None:
        """Send a signal to its first process."""
        if pid := self.pid:
            os.kill(pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)
        self._process.kill()
        self._process.wait(60)

    def _script(self) -> str:
        root = self.directory / f"{self.name}.root"
        root.mkdir(exist_ok=True)
        lines = [
            "mount --make-rprivate /",
            f"mount -t tmpfs -o mode=755 tmpfs {root}",
            f"mkdir {root}/proc {root}/dev && mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev",
        ]
        for path in ("/bin", "/lib", "/lib64", "/sbin"):
            if os.path.islink(path):
                lines.append(f"ln -s {os.readlink(path)} {root}{path}")
            elif os.path.exists(path):
                lines += _bound(path, f"{root}{path}", read_only=True)
        for path in ("/usr", "/etc", sys.base_prefix):
            lines += _bound(path, f"{root}{path}", read_only=True)
        lines += _bound(sys.prefix, f"{root}/opt/openfroyo", read_only=True)
        lines += _bound(str(self.directory / "account"), f"{root}{SERVICE_ACCOUNT}", read_only=True)
        for mount in self.container["volumeMounts"]:
            read_only = mount.get("readOnly", False)
            lines += _bound(
                str(self._volume(mount["name"])), f"{root}{mount['mountPath']}", read_only=read_only
            )
        # After the volumes: a checkout below /tmp would lie beneath one.
        lines += _bound(str(ROOT), f"{root}{ROOT}", read_only=True)
        if self.container["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,ro {root}")
        user = self.spec["securityContext"]
        become = [
            *("setpriv", f"--reuid={user['runAsUser']}", f"--regid={user['runAsGroup']}"),
            *(f"--groups={user['fsGroup']}", "--no-new-privs"),
        ]
        if self.container["securityContext"]["capabilities"]["drop"] == ["ALL"]:
            become += ["--bounding-set=-all", "--inh-caps=-all"]
        environ = shlex.join(f"{key}={value}" for key, value in self._environ().items())
        words = shlex.join([*entry_point(), *self.args])
        lines.append(f"cd {root} && exec chroot {root} {shlex.join(become)} env -i {environ} {words}")
        return "\n".join(lines)

    def _environ(self) -> dict[str, str]:
        fields = {"metadata.name": self.name, "metadata.namespace": self.namespace}

        def value(one: dict[str, Any]) -> str:
            if "value" in one:
                return str(one["value"])
            of = one["valueFrom"]
            if "fieldRef" in of:
                return fields[of["fieldRef"]["fieldPath"]]
            return self._secret(of["secretKeyRef"]["name"])[of["secretKeyRef"]["key"]].decode()

        given = {one["name"]: value(one) for one in self.container["env"]}
        return {**image_environment(), "HOSTNAME": self.name, **self.service, **given}

    def _secret(self, name: str) -> dict[str, bytes]:
        data = self._cluster.get("secret", name, "--namespace", self.namespace)["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def _fill(self, path: Path, data: dict[str, bytes], mode: int) -> None:
        """As the kubelet does: links to what is exchanged as a whole, and the group may read it, whatever the mode."""
        group = self.spec["securityContext"]["fsGroup"]
        (path / "..data").symlink_to("..first")
        (path / "..first").mkdir()
        os.chown(path / "..first", 0, group)
        for key, content in data.items():
            file = path / "..first" / key
            file.write_bytes(content)
            os.chown(file, 0, group)
            file.chmod(mode | 0o440)
            (path / key).symlink_to(f"..data/{key}")

    def _volume(self, name: str) -> Path:
        [volume] = [one for one in self.spec["volumes"] if one["name"] == name]
        lasting = "persistentVolumeClaim" in volume
        path = self.directory / (name if lasting else f"{self.name}.{name}")
        if name == "cache" and self._cache is not None:
            path = self._cache
        if not path.exists():
            path.mkdir(parents=True)
            if "secret" in volume:
                self._fill(
                    path, self._secret(volume["secret"]["secretName"]), volume["secret"]["defaultMode"]
                )
            elif "configMap" in volume:
                found = self._cluster.get(
                    "configmap", volume["configMap"]["name"], "--namespace", self.namespace
                )
                data = {key: text.encode() for key, text in found["data"].items()}
                self._fill(path, data, volume["configMap"]["defaultMode"])
            os.chown(path, 0, self.spec["securityContext"]["fsGroup"])
            path.chmod(0o2775 if lasting else 0o2777)
        return path


def _bound(source: str, path: str, *, read_only: bool) -> list[str]:
    source, path = shlex.quote(source), shlex.quote(path)
    lines = [f"mkdir -p {path} && mount --bind {source} {path}"]
    if read_only:
        lines.append(f"mount -o remount,bind,ro {path}")
    return lines


def _instructions() -> list[str]:
    """Of the last stage of the Containerfile."""
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    return text.rpartition("\nFROM ")[2].splitlines()


def image_environment() -> dict[str, str]:
    """What the image sets."""
    [line] = [one.removeprefix("ENV ") for one in _instructions() if one.startswith("ENV ")]
    return dict(one.split("=", 1) for one in shlex.split(line))


def entry_point() -> list[str]:
    """Of the image."""
    [line] = [one.removeprefix("ENTRYPOINT ") for one in _instructions() if one.startswith("ENTRYPOINT ")]
    found: list[str] = json.loads(line)
    return found


def until(holds: Callable[[], Any], *pods: Pod) -> Any:
    """Wait until something holds, as long as these pods run; gives what that is."""
    while not (found := holds()):
        for pod in pods:
            assert not pod.ended or holds(), pod.text
        time.sleep(PAUSE)
    return found


def needs_root() -> None:
    """Skip where this machine does not let one be somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a pod as another user, with mounts of its own")
