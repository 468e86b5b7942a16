"""A cluster of a simulation: an API server that says of objects what a real one would, and who writes there.

All that decides is the watcher's own (`watchers/kubernetes`), and what a daemon does about such a source
(`app/mending`, `app/reporting`): what is listed, page by page, what counts as known, which version of an object is in
force, which status is written and when. Here is a server that is asked over a modelled connection, and that says when
something has happened, or does not.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

import aiohttp

from reconciler.app.mending import Apart
from reconciler.app.operator.finalizing import finalize
from reconciler.app.operator.reporting import report_on
from reconciler.app.watched import Finalizing, WatchedPlace
from reconciler.core.conditions import summarize
from reconciler.engine.intake import recall
from reconciler.errors import ConfigError, Problem
from reconciler.model.names import SourceName
from reconciler.model.resource import Deletion
from reconciler.model.source import Snapshot
from tests.sim.packages import KINDS
from watchers.kubernetes import listing, source
from watchers.kubernetes.events import Hear
from watchers.kubernetes.explaining import explained, mentions, shared
from watchers.kubernetes.objects import FINALIZER, Definition, path_of
from watchers.kubernetes.source import KubernetesSource

if TYPE_CHECKING:
    from tests.sim.process import Process

Json = dict[str, Any]
Key = tuple[str, str, str]
"""The namespace, plural and name of an object."""

SHARE = 0.25
"""Of worlds in which what is declared lies in a cluster, unless it lies in git."""

PAGE = 2
"""Objects that the server says at once, whatever it is asked for."""

INTERVAL = 20.0
DEFINITIONS = [Definition("froyo.dev", "v1alpha1", "targets", "Target")] + [
    Definition(*kind.api_version.split("/"), kind.plural, kind.kind) for kind in KINDS.values()
]
_PLURALS = {one.kind: one.plural for one in DEFINITIONS}
_DEFINITIONS = {one.plural: one for one in DEFINITIONS}
BROKEN = {"broken": True}
"""What an object says that is wrong."""

FOREIGN = "example.com/Audited"
"""A condition that somebody else has in statuses."""

WAITS = {"PruneHeld", "PermanentError", "Invalid", "DependencyNotReady"}
"""What an object says that was deleted and goes no further without a person, or waits for such a one."""

TROUBLES = ("away", "failing", "hanging", "cut", "expired", "unserved", "deaf", "conflicting", "ended")


def is_clustered(seed: int) -> bool:
    """Whether what is declared in the world of a seed lies in a cluster."""
    return (
        random.Random(f"{seed}/kubernetes").random() < SHARE
        and random.Random(f"{seed}/commits").random() >= SHARE
    )


@dataclass(slots=True)
class ApiServer:
    """See the module.

    Attributes:
        objects: by namespace, plural and name.
        troubles: what is wrong with it, by name, and how often that matters.
        asked: requests that changed something.
        heard: who wants to know when something happens.
        let_go: told of an object that has been deleted and from which our finalizer is about to be taken.
        gone: told of an object that is there no more.
    """

    random: random.Random
    objects: dict[Key, Json] = field(default_factory=dict)
    troubles: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    heard: list["ModelledEvents"] = field(default_factory=list)
    let_go: Callable[[Key], None] = lambda _key: None
    gone: list[Callable[[Key], None]] = field(default_factory=list)
    serial: int = 0
    _lists: dict[str, list[Json]] = field(default_factory=dict)

    def suffers(self, trouble: str) -> bool:
        """Whether something is wrong just now."""
        chance = self.troubles.get(trouble, 0.0)
        return bool(chance) and self.random.random() < chance

    def put(self, namespace: str, plural: str, name: str, spec: Json) -> bool:
        """Have an object; whether that is a change."""
        key = (namespace, plural, name)
        known = self.objects.get(key)
        if known is not None and known["spec"] == spec:
            return False
        if known is None:
            metadata = {"name": name, "namespace": namespace, "uid": f"u{self.serial}", "generation": 1}
        else:
            metadata = {**known["metadata"], "generation": known["metadata"]["generation"] + 1}
        self._keep(key, {**(known or {}), "metadata": metadata, "spec": spec}, known is None)
        return True

    def overwrite(self, key: Key, status: Json) -> None:
        """Have another status of an object."""
        self._keep(key, {**self.objects[key], "status": status})

    def is_deleting(self, key: Key) -> bool:
        """Whether somebody has deleted an object, and it stays for a finalizer's sake: that is for good."""
        return bool(self.objects[key]["metadata"].get("deletionTimestamp"))

    def delete(self, key: Key) -> bool:
        """Have it no more; whether it stays until a finalizer is taken off."""
        metadata = self.objects[key]["metadata"]
        if not metadata.get("finalizers"):
            self._remove(key)
            return False
        metadata = {**metadata, "deletionTimestamp": "now", "generation": metadata["generation"] + 1}
        self._keep(key, {**self.objects[key], "metadata": metadata})
        return True

    def lose(self, key: Key) -> None:
        """Have it no more, whatever it stays for."""
        self._remove(key)

    def release(self, key: Key) -> None:
        """A person takes all finalizers off an object that has been deleted."""
        self._finalize(key, [])

    def _finalize(self, key: Key, finalizers: list[str]) -> None:
        found = self.objects[key]
        found = {**found, "metadata": {**found["metadata"], "finalizers": finalizers}}
        if self.is_deleting(key) and not finalizers:
            self.objects[key] = found
            self._remove(key)
        else:
            self._keep(key, found)

    def _remove(self, key: Key) -> None:
        self.serial += 1
        gone = self.objects.pop(key)
        self.tell(
            key, "DELETED", {**gone, "metadata": {**gone["metadata"], "resourceVersion": f"{self.serial}"}}
        )
        for told in self.gone:
            told(key)

    def _keep(self, key: Key, found: Json, new: bool = False) -> None:
        self.serial += 1
        metadata = {**found["metadata"], "resourceVersion": f"{self.serial}"}
        self.objects[key] = {**found, "metadata": metadata}
        self.tell(key, "ADDED" if new else "MODIFIED", self.objects[key])

    def tell(self, key: Key, type_: str, found: Json) -> None:
        """Something has happened: who listens hears of it, or not before a stream begins anew."""
        namespace, plural, _ = key
        for one in [each for each in self.heard if each.namespace == namespace]:
            if self.suffers("ended"):
                one.ends("modelled: the stream of events has ended")
            elif self.suffers("deaf"):
                asyncio.get_running_loop().call_later(self.random.uniform(0.5, 30.0), one.relist)
            else:
                one.hears(plural, type_, found)

    # --- as it answers --------------------------------------------------------------------------------------------

    async def answer(self, method: str, path: str, asked: Json, body: Json | None) -> "Answer":
        """What it says to a request.

        Raises:
            aiohttp.ClientError: it says nothing.
        """
        if self.suffers("away"):
            raise aiohttp.ClientConnectionError("modelled: connection refused")
        if self.suffers("hanging"):
            await asyncio.sleep(listing.TIMEOUT)
            raise TimeoutError
        await asyncio.sleep(self.random.uniform(0.001, 0.02))
        if self.suffers("failing"):
            return Answer(self.random.choice([429, 500, 503]), {})
        if method == "POST":
            return Answer(201, {"status": {"incomplete": True}})  # an Event, or what may be done
        if path.endswith("/customresourcedefinitions"):
            known = [{"metadata": {"name": one.name, "uid": f"of {one.name}"}} for one in DEFINITIONS]
            return Answer(200, {"metadata": {}, "items": known})
        _, _, _, _, namespace, plural, *rest = path.split("/")
        if plural == "events":
            return Answer(200, {})
        if method == "PATCH":
            wanted = self._patched if rest[1:] == ["status"] else self._finalized
            return wanted((namespace, plural, rest[0]), body or {})
        if self.suffers("unserved"):
            return Answer(404, {})
        if "continue" in asked:
            if self.suffers("expired"):
                return Answer(410, {"reason": "Expired"})
            items = self._lists.pop(asked["continue"])
        else:
            items = [one for key, one in sorted(self.objects.items()) if key[:2] == (namespace, plural)]
        more = ""
        if items[PAGE:]:
            self.serial += 1
            more = f"{plural}-{self.serial}"
            self._lists[more] = items[PAGE:]
        return Answer(200, {"metadata": {"continue": more}, "items": items[:PAGE]}, cut=self.suffers("cut"))

    def _finalized(self, key: Key, body: Json) -> "Answer":
        self.asked += 1
        if (known := self.objects.get(key)) is None:
            return Answer(404, {})
        metadata, wanted = known["metadata"], body["metadata"]
        if metadata["resourceVersion"] != wanted["resourceVersion"] or self.suffers("conflicting"):
            return Answer(409, {})
        before, now = metadata.get("finalizers", ()), wanted["finalizers"]
        if self.is_deleting(key) and set(now) - set(before):
            return Answer(422, {"reason": "Invalid"})
        if self.is_deleting(key) and FINALIZER in before and FINALIZER not in now:
            self.let_go(key)
        self._finalize(key, now)
        return Answer(200, {})

    def _patched(self, key: Key, body: Json) -> "Answer":
        self.asked += 1
        known = self.objects.get(key)
        if known is None:
            return Answer(404, {})
        if self.suffers("conflicting"):
            return Answer(409, {})
        status = json.loads(json.dumps(body["status"]))
        # Whose part is what others have written stays, by the keys of a list.
        theirs = [one for one in known.get("status", {}).get("conditions", ()) if one["type"] == FOREIGN]
        status["conditions"] += theirs
        if status != known.get("status"):
            self._keep(key, {**known, "status": status})
        return Answer(200, json.loads(json.dumps(self.objects[key])))


@dataclass(slots=True)
class Answer:
    """What the server says; perhaps not to its end."""

    status: int
    body: Json
    cut: bool = False

    def raise_for_status(self) -> None:
        """Raise where it is none to what was asked."""
        if not self.ok:
            raise aiohttp.ClientError(f"modelled: {self.status}")

    @property
    def ok(self) -> bool:
        """Whether it is an answer to what was asked."""
        return self.status < 400

    async def json(self) -> Json:
        """All of it."""
        if self.cut:
            raise aiohttp.ClientPayloadError("modelled: the answer breaks off")
        return dict(self.body)

    async def text(self) -> str:
        """All of it, for a person."""
        return f"modelled: {json.dumps(self.body)}"


class Connection:
    """What `aiohttp.ClientSession` is, as far as the watcher goes.

    Args:
        server: at its other end.
    """

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""

    @contextlib.asynccontextmanager
    async def get(self, path: str, *, params: Json | None = None, **_: Any) -> Any:
        """Ask for something."""
        yield await self._server.answer("GET", path, params or {}, None)

    @contextlib.asynccontextmanager
    async def post(self, path: str, *, json: Json, **_: Any) -> Any:
        """Make something."""
        yield await self._server.answer("POST", path, {}, json)

    @contextlib.asynccontextmanager
    async def patch(self, path: str, *, params: Json | None = None, data: bytes = b"", **given: Any) -> Any:
        """Change something: by a document of YAML that is JSON, too, or by JSON."""
        body = json.loads(data) if data else given["json"]
        yield await self._server.answer("PATCH", path, params or {}, body)


class ModelledEvents:
    """What `ClusterEvents` is, without a thread of its own."""

    server: ApiServer

    def __init__(
        self, namespace: str, definitions: Sequence[Definition], heard: Hear, ended: Callable[[], None]
    ) -> None:
        del definitions
        self.namespace = namespace
        self._heard = heard
        self._ended = ended
        self.why_not = ""

    def begin(self) -> None:
        """Hear of them, unless that is so already."""
        if self not in self.server.heard:
            self.why_not = ""
            self.server.heard.append(self)
            self.relist()

    def relist(self) -> None:
        """A stream begins, be it anew: with all that there is."""
        for (namespace, plural, _), found in sorted(self.server.objects.items()):
            if namespace == self.namespace:
                self.hears(plural, None, found)

    def anew(self) -> None:
        """Ask for them once more."""
        self.end()
        self.begin()

    def end(self) -> None:
        """Hear of nothing any more."""
        with contextlib.suppress(ValueError):
            self.server.heard.remove(self)

    async def closed(self) -> None:
        """Wait until it has."""

    def ends(self, why: str) -> None:
        """The stream of events is over."""
        self.end()
        self.why_not = why
        self._ended()

    def hears(self, plural: str, type_: str | None, found: Json) -> None:
        """Something has happened, and is told of after a while."""
        pause, shown = self.server.random.uniform(0.001, 0.2), json.loads(json.dumps(found))
        loop = asyncio.get_running_loop()
        loop.call_later(pause, self._tell, _DEFINITIONS[plural], type_, shown)

    def _tell(self, definition: Definition, type_: str | None, found: Json) -> None:
        if self in self.server.heard:
            self._heard(definition, type_, found)


@contextlib.contextmanager
def reached(server: ApiServer, *, alone: bool) -> Iterator[None]:
    """With every connection to a cluster being one to this server.

    Args:
        server: which.
        alone: whether there is one namespace only, whose Targets are its own, as they are in a cluster: then it is
            known for one, and of its objects nothing goes that was not seen being deleted.
    """
    access, connection = SimpleNamespace(server="https://cluster.example"), Connection(server)
    with contextlib.ExitStack() as patched:
        patched.enter_context(mock.patch.object(listing, "login", return_value=access))
        patched.enter_context(mock.patch.object(listing, "opened", return_value=connection))
        told = type("ModelledEvents", (ModelledEvents,), {"server": server})
        patched.enter_context(mock.patch.object(source, "ClusterEvents", told))
        if alone:
            patched.enter_context(mock.patch.object(recall, "namespace_of", str))
        yield


class AppliedSource:
    """A namespace in which people apply objects, as a source of a simulation: see `SimSource`.

    Args:
        name: of the source, and of its namespace.
        server: where it is.

    Attributes:
        document: what its objects say together; None while nobody can tell.
        good: the last thing they said that was right.
        said: everything that was.
        vanishing, degraded: nothing of it can be.
        gone: when objects were deleted last, and are there no more, by path; on the loop's clock.
        unseen: the paths of those that were gone at once, since nothing kept them.
        versions: by path, the specs that each object ever had.
    """

    def __init__(self, name: SourceName, server: ApiServer) -> None:
        self.name = name
        self.server = server
        self.said: list[Any] = []
        self.document: Any = None
        self.good: Any = None
        self.vanishing = 0
        self.degraded = ""
        self.gone: dict[str, float] = {}
        self.unseen: set[str] = set()
        self.versions: dict[str, list[Json]] = {}
        self._wanted: dict[tuple[str, str], Json] = {}
        server.gone.append(self._gone)

    # --- as its authors have it -----------------------------------------------------------------------------------

    def say(self, document: Any) -> None:
        """Apply all of it, and delete what is not in it; what is no document breaks one object."""
        self.document = document
        if isinstance(document, dict):
            self.good = document
            self.said.append(document)
            self._apply(document)
        elif document is not None and (mine := self._mine()):
            _, plural, name = self.server.random.choice(mine)
            self._put(plural, name, BROKEN)

    def _apply(self, document: Json) -> None:
        wanted = {("targets", name): {"port": port} for name, port in document["targets"].items()}
        wanted |= {
            (_PLURALS[one["kind"]], one["name"]): {key: one[key] for key in ("on", "spec", "common")}
            for one in document["resources"]
        }
        self._wanted = wanted
        for _, plural, name in self._mine():
            if (plural, name) not in wanted:
                self.delete(plural, name)
        for (plural, name), spec in wanted.items():
            self._put(plural, name, json.loads(json.dumps(spec)))

    def _put(self, plural: str, name: str, spec: Json) -> None:
        path = path_of(_DEFINITIONS[plural], self.name, name)
        if (self.name, plural, name) not in self.server.objects:
            self.unseen.discard(path)
        if self.server.put(self.name, plural, name, spec):
            self.versions.setdefault(path, []).append(spec)

    def delete(self, plural: str, name: str) -> None:
        """Delete an object."""
        key, path = (self.name, plural, name), path_of(_DEFINITIONS[plural], self.name, name)
        if self.server.is_deleting(key):
            return
        self.gone[path] = asyncio.get_running_loop().time()
        if not self.server.delete(key):
            self.unseen.add(path)

    def lose(self, key: Key) -> None:
        """The cluster has one no more that nobody has deleted, as when it is put back from a backup."""
        if not self.server.is_deleting(key):
            self.unseen.add(_path(key))
        self.server.lose(key)

    def is_deleting(self, path: str) -> bool:
        """Whether the object of a path has been deleted, and is there still."""
        return any(_path(key) == path and self.server.is_deleting(key) for key in self._mine())

    def _gone(self, key: Key) -> None:
        """An object is there no more; whoever wants it has to apply it again."""
        if key[0] == self.name:
            loop = asyncio.get_running_loop()
            self.gone[_path(key)] = loop.time()
            loop.call_later(self.server.random.uniform(0.1, 3.0), self._apply_again, key)

    def _apply_again(self, key: Key) -> None:
        _, plural, name = key
        if key not in self.server.objects and isinstance(self.document, dict) and key[1:] in self._wanted:
            self._put(plural, name, json.loads(json.dumps(self._wanted[plural, name])))

    def replace(self) -> None:
        """Somebody deletes an object, and applies it again as it was, before anybody has looked."""
        if mine := self._mine():
            _, plural, name = self.server.random.choice(mine)
            spec = self.server.objects[self.name, plural, name]["spec"]
            self.delete(plural, name)
            self._put(plural, name, spec)

    def meddle(self, random_: random.Random) -> list[str]:
        """Somebody deletes some objects, or has one go that has been deleted, or the cluster loses one; which."""
        mine = self._mine()
        deleted = [key for key in mine if self.server.is_deleting(key)]
        if deleted and random_.random() < 0.15:
            chosen = [random_.choice(deleted)]
            self.server.release(chosen[0])
        elif mine and random_.random() < 0.15:
            chosen = [random_.choice([key for key in mine if key[1] != "targets"] or mine)]
            self.lose(chosen[0])
        else:
            chosen = random_.sample(mine, min(len(mine), random_.choice([1, 1, 1, 2, 3, 50])))
            for _, plural, name in chosen:
                if plural != "targets" or random_.random() < 0.3:
                    self.delete(plural, name)
        return [f"{_path(key)}{'' if key in self.server.objects else ' (gone)'}" for key in chosen]

    def scribble(self, random_: random.Random) -> str:
        """Somebody else writes into a status; which object's, if there is one."""
        told = [key for key in self._mine() if self.server.objects[key].get("status")]
        if not told:
            return ""
        key = random_.choice(told)
        status = json.loads(json.dumps(self.server.objects[key]["status"]))
        fate = random_.random()
        if fate < 0.3:  # as it is said beside ours, and left alone
            others = [one for one in status["conditions"] if one["type"] != FOREIGN]
            status["conditions"] = [{"type": FOREIGN, "status": random_.choice(["True", "False"])}, *others]
        elif fate < 0.5:
            status = {}
        else:
            for one in status["conditions"]:
                one["status"] = random_.choice(["True", "False", "Unknown"])
        self.server.overwrite(key, status)
        return "/".join(key)

    def touch(self) -> None:
        """Nothing has happened."""

    def settle(self) -> None:
        """The trouble ends."""
        self.server.troubles.clear()
        self._let_go()

    def _let_go(self) -> None:
        """Of what was deleted, and waits for a person, a person lets go what is to be there again."""
        for key in self._mine():
            found = self.server.objects[key]
            said = {one["type"]: one for one in found.get("status", {}).get("conditions", ())}
            if said.get("Ready", {}).get("reason") in WAITS and self._is_to_be_there_again(key):
                self.server.release(key)
        asyncio.get_running_loop().call_later(5.0, self._let_go)

    def _is_to_be_there_again(self, key: Key) -> bool:
        # A Target goes after all that is on it, so of that nobody waits for the end.
        return self.server.is_deleting(key) and key[1:] in self._wanted and key[1] != "targets"

    def _mine(self) -> list[Key]:
        return [key for key in sorted(self.server.objects) if key[0] == self.name]

    # --- as a controller has it -----------------------------------------------------------------------------------

    def watched(self, process: "Process") -> WatchedPlace:
        """Watch it for one life of the controller, by the watcher's own code."""
        watching = KubernetesSource(
            self.name, self.name, DEFINITIONS, runtime=process.runtime, interval=lambda: INTERVAL
        )
        return WatchedPlace(
            watching.snapshots,
            lambda: 1e9,
            remote=True,
            apart=Apart(shared, mentions, explained),
            objects=watching,
            finalizing=Finalizing(watching.finalizers.changed, watching.finalizers.due, watching.finalize),
        )

    def missing(self, process: "Process") -> Iterator[str]:
        """What of its objects is not in force, or does not have the status or the finalizer that it should have."""
        controller = process.controller
        kept = self._kept(process)
        for key in self._mine():
            found, path = self.server.objects[key], _path(key)
            has, deleting = FINALIZER in found["metadata"].get("finalizers", ()), self.server.is_deleting(key)
            if self._is_to_be_there_again(key):
                yield f"{path} is to go before it is there again, and says {found.get('status')}"
            if (has and path not in kept) if deleting else has != (path in kept):
                yield f"{path} has a finalizer: {has}; it has been deleted: {deleting}; to be kept: {path in kept}"
            states = [
                controller.states()[address]
                for address, one in controller.in_force.instances.items()
                if one.origin.file == path and one.removal is None and address in controller.states()
            ]
            if not states or deleting:
                continue
            status = found.get("status")
            if not status:
                yield f"{path} has no status"
                continue
            ready = "True" if all(summarize(one.conditions).ready for one in states) else "not"
            said = next(one for one in status["conditions"] if one["type"] == "Ready")
            if (said["status"] == "True") != (ready == "True"):
                yield f"{path} is said to be {said}, and is {[summarize(one.conditions) for one in states]}"
            if status["observedGeneration"] != found["metadata"]["generation"]:
                yield f"{path} is said to be of {status['observedGeneration']}, and is {found['metadata']}"

    @staticmethod
    def _kept(process: "Process") -> set[str]:
        """The paths of what has to stay until something has been removed."""
        in_force = process.controller.in_force
        holding = [
            one
            for one in in_force.instances.values()
            if one.removal is not None or one.common.deletion is not Deletion.ORPHAN
        ]
        return {one.origin.file for one in holding} | {
            target.origin.file
            for target in in_force.targets.values()
            if any(one.target == target.name for one in holding)
        }


def _path(key: Key) -> str:
    namespace, plural, name = key
    return path_of(_DEFINITIONS[plural], namespace, name)


async def report(process: "Process", name: SourceName, watched: WatchedPlace) -> None:
    """What a daemon does to keep the statuses of objects as things are, and their finalizers."""
    sources = SimpleNamespace(watched={name: watched}, intakes=process.intakes, mending=process.mending)
    daemon = SimpleNamespace(
        parts=SimpleNamespace(store=process.store, runtime=process.runtime),
        controller=process.controller,
        sources=sources,
    )
    async with asyncio.TaskGroup() as group:
        for task in (report_on, finalize):
            group.create_task(task(name, daemon))  # type: ignore[arg-type] # as much of one as is asked


# --- What a snapshot of it declares -------------------------------------------------------------------------------


def document_of(taken: Snapshot) -> Json:
    """What the objects say together, each with the path of its own.

    Raises:
        ConfigError: some of them are wrong.
    """
    problems, targets, origins, resources = [], {}, {}, []
    for path, file in taken.files.items():
        manifest = json.loads(file.read())
        kind, name, spec = manifest["kind"], manifest["metadata"]["name"], manifest["spec"]
        if spec == BROKEN:
            problems.append(Problem(path, 1, 1, "this is no declaration"))
        elif kind == "Target":
            targets[name], origins[name] = spec["port"], path
        else:
            resources.append({"kind": kind, "name": name, "origin": path, **spec})
    if problems:
        raise ConfigError(problems)
    return {"targets": targets, "origins": origins, "resources": resources}
