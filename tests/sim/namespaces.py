"""Namespaces of one cluster that share an operator: `python -m tests.sim --namespaces`.

Each seed is a handful of namespaces, of which one is trusted, and people who apply and delete Targets and Files there:
right ones, and ones that want the operator's own machine, its keys or its files, somebody else's Target, or what
another object has. The webhook is asked first, or is not, and what it refuses is applied all the same now and then, as
where it was away. The watcher's code, what keeps what is wrong apart, admission and the evaluation of manifests are the
real ones; the API server is modelled (`cluster.py`).

What must never be, whatever is written:

- anything of a namespace on a Target that is neither its own nor ever was shared with it; the operator's machine, its
  keys or its files in a namespace that is not trusted; a key of one namespace with the Target of another;
- an object taken that the webhook refuses; and, once it is quiet, anything wrong where a namespace is right by itself,
  or something else in force there than it declares.
"""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

from reconciler.app.isolating import isolated
from reconciler.app.mending import Apart, Mending
from reconciler.app.operator.admitting import Judge
from reconciler.config import ParseCache
from reconciler.config import load as evaluated
from reconciler.engine.intake.evaluating import Load
from reconciler.errors import ConfigError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.desired import Desired
from reconciler.model.secrets import KeyRef
from reconciler.model.source import Snapshot, SnapshotGone
from reconciler.model.target import LocalTransport
from reconciler.plugins.packages import catalog, load_packages
from reconciler.runtime import Runtime
from tests.sim.cluster import DEFINITIONS, ApiServer, reached
from tests.sim.loop import run
from watchers.kubernetes.admission import Reviewed
from watchers.kubernetes.explaining import explained, mentions, shared
from watchers.kubernetes.neighbours import Neighbours
from watchers.kubernetes.objects import Definition, path_of
from watchers.kubernetes.source import KubernetesSource

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
TARGET, FILE = (next(one for one in DEFINITIONS if one.kind == kind) for kind in ("Target", "File"))
KINDS = (TARGET, FILE)
TRUSTED = "ops"
NAMESPACES = (TRUSTED, "web", "db", "infra")
KEY = {"identityFrom": {"secretKeyRef": {"name": "ssh", "key": "id"}}}
SETTLED = 45.0
"""Seconds after which all has been heard of."""


class Namespace:
    """One of them, as the operator serves it."""

    def __init__(self, scene: "Cluster", name: str) -> None:
        self.name, self.scene = name, scene
        self.load: Load = scene.load if name == TRUSTED else isolated(scene.load)
        runtime = Runtime(connect=_nowhere, now=scene.now, random=scene.random, offload=_at_once, environ={})
        place = ClusterPlace(name)
        self.source = KubernetesSource(place.name, name, KINDS, runtime=runtime, neighbours=scene.neighbours)
        self.mending = Mending(
            Apart(shared, mentions, explained), load=self.load, before=_nothing, offload=_at_once
        )
        self.desired: Desired | None = None

    async def serve(self) -> None:
        """Take whatever it declares, for ever."""
        async for item in self.mending.mended(self.source.snapshots()):
            if isinstance(item, Snapshot):
                with contextlib.suppress(ConfigError, SnapshotGone):
                    self.desired = self.mending.load(item)
                    self.scene.taken(self, self.desired)

    @property
    def objects(self) -> list[tuple[Definition, Json]]:
        """All that is there."""
        there = self.scene.server.objects.items()
        kinds = {one.plural: one for one in KINDS}
        return [(kinds[plural], found) for (name, plural, _), found in sorted(there) if name == self.name]


async def _nowhere(_target: object) -> Any:
    raise NotImplementedError


async def _at_once(_lane: str, function: Any) -> Any:
    return function()


async def _nothing() -> None:
    return None


class Cluster:
    """One seed.

    Attributes:
        violations: what must never have been.
        lines: what happened.
        applied: how many objects.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"namespaces {seed}")
        self.violations: list[str] = []
        self.lines: list[str] = []
        self.applied = 0
        self.loop = asyncio.get_running_loop()
        self.server = ApiServer(random.Random(f"namespaces {seed}/server"))
        self.neighbours = Neighbours()
        kinds, cache = catalog(load_packages([ROOT / "providers"]), artifacts=ROOT), ParseCache()
        self.load: Load = lambda taken: evaluated(taken, kinds, cache=cache)
        self.judge = Judge(self.load, KINDS)
        self.namespaces: dict[str, Namespace] = {}
        self.shared: set[tuple[str, str]] = set()

    def now(self) -> float:
        """The wall clock."""
        return 1_800_000_000.0 + self.loop.time()

    def violated(self, what: str) -> None:
        """Something that must never be."""
        self.violations.append(f"{self.loop.time():.3f} {what}")

    # --- What people write --------------------------------------------------------------------------------------------

    def _target(self, name: str) -> Json:
        others = [one for one in NAMESPACES if one != name]
        spec: Json = {"ssh": {"host": f"{name}.example", **KEY}}
        fate = self.random.random()
        if fate < 0.1:
            spec = {"local": {}}
        elif fate < 0.2:
            spec = {"ssh": {"host": f"{name}.example"}}
        elif fate < 0.3:
            spec = {"ssh": {"host": f"{name}.example", "identityFile": "/root/.ssh/id"}}
        elif fate < 0.4:
            spec["ssh"] |= {"knownHosts": "/root/.ssh/known_hosts"}
        if self.random.random() < 0.5:
            spec["sharedWith"] = self.random.sample(others, k=self.random.choice([1, 2]))
        return spec

    def _file(self, name: str) -> Json:
        target = f"t{self.random.randrange(2)}"
        if self.random.random() < 0.4:
            target = f"{self.random.choice(NAMESPACES)}:{target}"
        path = f"/srv/{name}-{self.random.randrange(4)}"
        spec: Json = {"target": target, "path": path, "content": f"{self.random.randrange(3)}\n"}
        if self.random.random() < 0.2:
            spec["require"] = [f"File/f{self.random.randrange(5)}"]
        return spec

    async def step(self) -> None:
        """Somebody applies or deletes an object, and waits until that has been heard of."""
        draw, name = self.random, self.random.choice(NAMESPACES)
        definition = draw.choice([TARGET, FILE, FILE])
        one = f"{'t' if definition is TARGET else 'f'}{draw.randrange(2 if definition is TARGET else 4)}"
        key = (name, definition.plural, one)
        if key in self.server.objects and draw.random() < 0.15:
            self.lines.append(f"{self.loop.time():10.3f} {name}: {definition.kind}/{one} is deleted")
            self.server.delete(key)
            await asyncio.sleep(draw.choice([0.0, 5.0, SETTLED]))
            return
        spec = self._target(name) if definition is TARGET else self._file(name)
        settled = draw.random() < 0.5
        if settled:
            await asyncio.sleep(SETTLED)  # the webhook goes by what the engine goes by
        refused = self._refused(definition, name, one, spec)
        self.lines.append(f"{self.loop.time():10.3f} {name}: {definition.kind}/{one} {spec} {refused}")
        if refused and draw.random() < 0.6:
            return
        if definition is TARGET:
            self.shared |= {(name, other) for other in spec.get("sharedWith", ())}
        self.applied += 1
        self.server.put(name, definition.plural, one, spec)
        if not settled:
            return
        await asyncio.sleep(SETTLED)
        path, wrong = path_of(definition, name, one), self.namespaces[name].mending.wrong
        # What others need is put right by leaving what needs it as it was.
        if refused and path not in wrong and not (shared(path) and wrong):
            self.violated(f"{path} is taken, and the webhook says: {refused}; wrong is {dict(wrong)}")

    def _refused(self, definition: Definition, namespace: str, name: str, spec: Json) -> list[str]:
        """What the webhook says against an object; what may come yet it lets pass."""
        kind = {"group": definition.group, "version": definition.version, "kind": definition.kind}
        metadata = {"name": name, "namespace": namespace}
        request = {
            "uid": "7",
            "namespace": namespace,
            "name": name,
            "kind": kind,
            "operation": "CREATE",
            "object": {"metadata": metadata, "spec": spec},
        }
        refused, _ = self.judge.judged(Reviewed.of({"request": request}), self.namespaces[namespace].objects)
        return refused

    # --- What is looked at --------------------------------------------------------------------------------------------

    def taken(self, one: Namespace, desired: Desired) -> None:
        """See what a namespace declares, as it would be in force."""
        owners = {name: target.origin.file.split("/")[0] for name, target in desired.targets.items()}
        for name, target in desired.targets.items():
            owner, transport = owners[name], target.transport
            if owner != one.name and (owner, one.name) not in self.shared:
                self.violated(f"{one.name} knows {name}, which was never shared with it")
            if isinstance(transport, LocalTransport):
                if one.name != TRUSTED:
                    self.violated(f"{one.name} has the operator's own machine: {name}")
                continue
            key = KeyRef.parsed(transport.identity_file)
            if key is not None and key.namespace != owner:
                self.violated(f"{name} of {owner} is reached with a key of {key.namespace}")
            if one.name != TRUSTED and (key is None or transport.known_hosts):
                self.violated(f"{one.name} has what is the operator's, to reach {name}")
        for address, instance in desired.instances.items():
            if instance.origin.file.split("/")[0] != one.name:
                self.violated(f"{one.name} declares what is in {instance.origin.file}")
            if instance.target not in owners:
                self.violated(f"{address} is on a target that {one.name} does not know")
            if instance.guest is (one.name == TRUSTED):
                self.violated(f"{address} of {one.name} counts as one that is trusted, or as one that is not")

    def quiet(self) -> None:
        """What is right by itself is in force, and nothing is said against it, whatever is wrong elsewhere."""
        for name, one in self.namespaces.items():
            found = one.source._snapshot()
            if found is None:
                continue
            try:
                wanted = one.load(found)
            except (ConfigError, SnapshotGone):
                continue
            if one.mending.wrong:
                self.violated(f"{name} is right, and wrong is: {dict(one.mending.wrong)}")
            elif wanted.targets and (one.desired is None or wanted.instances != one.desired.instances):
                self.violated(f"{name} is right, and something else is in force there")


def simulate(seed: int) -> Cluster:
    """Run one seed."""
    found: list[Cluster] = []

    async def play() -> None:
        scene = Cluster(seed)
        found.append(scene)
        with reached(scene.server, alone=False):
            scene.namespaces = {name: Namespace(scene, name) for name in NAMESPACES}
            tasks = [asyncio.create_task(one.serve()) for one in scene.namespaces.values()]
            try:
                for _ in range(40):
                    await scene.step()
                    if scene.violations:
                        return
                await asyncio.sleep(2 * SETTLED)
                scene.quiet()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    run(play())
    return found[0]
