"""The short way for `froyo apply` when nothing has changed since the last one: ask each target once, and be done.

An apply after which everything was in sync leaves a document in the store: the source's fingerprint, the stamp of what
else decides (see `stamps`), and for each target what reading all of it took, with the digest of the answers. If
both are still the same, and each target still answers with the same digest, there is nothing to do, and none of the
engine needs to be imported to know that; not even an event loop, to ask this machine. Whoever suspends or resumes
something takes the document out of the store.

Invariant: this only ever says "nothing to do", and only if a full apply would. In any doubt it says nothing, and the
caller goes the long way.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.app.places import Places, must_be_ours
from reconciler.app.stamps import stamp
from reconciler.errors import FroyoError, UsageError
from reconciler.model.names import Digest, TargetName
from reconciler.store.warm import load_warm
from reconciler.targets.artifacts import Artifacts, architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.engine.lane.lane import Lane
    from reconciler.targets.question import Question

FORMAT = 4


@dataclass(frozen=True, slots=True)
class InSync:
    """What the short way found: everything is as declared.

    Attributes:
        instances: how many.
        targets: how many.
        revision: of the snapshot that is in force.
    """

    instances: int
    targets: int
    revision: str


def remember(
    directory: str,
    seen: str,
    revision: str,
    stamped: str,
    lanes: Iterable[Lane],
    verified: Iterable[str],
    *,
    secret: Callable[[TargetName], object],
    good_until: float | None = None,
) -> bytes | None:
    """The document for the next apply, or None where one cannot be made.

    Args:
        directory: the source, absolute.
        seen: its fingerprint from before it was read.
        revision: of the snapshot that was applied.
        stamped: the stamp of what else decides, from before it was read.
        lanes: every target, with everything on it in sync.
        verified: the runner's binaries whose signatures were verified, by their SHA-256.
        secret: gives the secrets of a target, if it has any.
        good_until: when facts that it depends on have to be gathered again; None where it depends on none.
    """
    from reconciler.model.target import LocalTransport

    targets = []
    for lane in lanes:
        if lane.recording is None or any(one.probe is not None for one in lane.instances.values()):
            return None  # what is probed no recording tells
        if secret(lane.target.name):
            return None  # what was asked, and what was answered, is for nobody's eyes
        transport = lane.target.transport
        targets.append(
            {
                "name": lane.target.name,
                "transport": "local" if isinstance(transport, LocalTransport) else "ssh",
                "settings": asdict(transport),
                "instances": len(lane.instances),
                "key": lane.recording.key,
                "batch": lane.recording.batch(),
                "digest": lane.recording.digest,
            }
        )
    document = {
        "format": FORMAT,
        "version": __version__,
        "directory": directory,
        "fingerprint": seen,
        "revision": revision,
        "stamp": stamped,
        "targets": targets,
        "verified": sorted(verified),
        "good_until": good_until,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def look(directory: str, places: Places, environ: Mapping[str, str]) -> InSync | None:
    """Whether there is nothing to do, as far as that can be told the short way; None says nothing.

    Args:
        directory: the source, absolute.
        places: where things are kept.
        environ: the process's environment.
    """
    if places.address is not None:
        return None  # asking a server takes what this is there to spare
    try:
        # What is on record says whom to ask, and how: nobody else may have written it. The long way says so.
        for path in (places.state, places.database):
            must_be_ours(path)
    except UsageError:
        return None
    text = load_warm(str(places.database))
    if text is None:
        return None
    document = json.loads(text)
    if (
        document.get("format") != FORMAT
        or document["version"] != __version__
        or document["directory"] != directory
        or document["stamp"] != stamp(places, environ)
        or (document["good_until"] is not None and not time.time() <= document["good_until"])
    ):
        return None
    targets, artifacts = document["targets"], Artifacts(places.artifacts, verified=document["verified"])
    here = [entry for entry in targets if entry["transport"] == "local"]
    try:
        if here:
            artifacts.prefetch(architecture(os.uname().machine))
        with contextlib.ExitStack() as stack:
            questions = [stack.enter_context(_question(entry, artifacts, environ)) for entry in here]
            for entry, question in zip(here, questions, strict=True):
                question.ask(entry["key"], entry["batch"], entry["digest"])
            # While the runners look at their targets, we look at the source.
            from watchers.fingerprint import fingerprint

            unchanged = document["fingerprint"] == fingerprint(directory)
            unchanged = unchanged and all(question.answer() for question in questions)
        if not unchanged or (len(here) < len(targets) and not _ask(targets, artifacts, places, environ)):
            return None
    except FroyoError:
        return None
    counts = [target["instances"] for target in targets]
    return InSync(sum(counts), len(counts), document["revision"])


def _question(entry: dict[str, Any], artifacts: Artifacts, environ: Mapping[str, str]) -> Question:
    # Imported while the runner's binary is read.
    from reconciler.model.target import LocalTransport
    from reconciler.targets.question import Question

    return Question(LocalTransport(**entry["settings"]), artifacts=artifacts, environ=environ)


def _ask(
    targets: list[dict[str, Any]], artifacts: Artifacts, places: Places, environ: Mapping[str, str]
) -> bool:
    """Whether every target over SSH answers as it did."""
    import asyncio

    from reconciler.app.reaching import reaching
    from reconciler.model.target import SshTransport, Target
    from reconciler.runtime import ThreadLanes, gathered
    from reconciler.targets.session import Session

    async def one(entry: dict[str, Any]) -> bool:
        target = Target(TargetName(entry["name"]), {}, SshTransport(**entry["settings"]), Digest(""))
        session = await Session.open(target, runtime=runtime, on_event=lambda _event: None)
        try:
            return (await session.observe(entry["key"], entry["batch"], entry["digest"])).unchanged
        finally:
            await session.close()

    async def every() -> bool:
        return all(await gathered(*(one(entry) for entry in targets if entry["transport"] == "ssh")))

    lanes = ThreadLanes()
    runtime = reaching(places, environ, lanes, artifacts)
    try:
        return asyncio.run(every())
    finally:
        lanes.close()
