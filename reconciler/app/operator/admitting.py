"""Says of an object, before the API server takes it, what would be wrong with it: what `froyo validate` would say.

The namespace is evaluated as it would be, and also as it is where anything is to be said against that. What is wrong
only afterwards is refused, unless it is that something is not there that may still come: people apply files in any
order. Invariants: nothing is refused that the engine would take, since both ask the same function; and where it cannot
be told, the object is taken, and the engine says in its status what it thinks of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.api.ports import bound, served
from reconciler.api.reviews import reviews
from reconciler.app.declaring import evaluation
from reconciler.app.policies import Admission
from reconciler.app.watching import definitions
from reconciler.core.prune import is_protected
from reconciler.errors import ConfigError, Problem
from reconciler.model.cluster import ClusterPlace
from reconciler.model.resource import Deletion
from reconciler.model.source import SnapshotGone
from reconciler.model.subjects import PATH
from reconciler.telemetry.log import get_logger
from watchers.kubernetes import webhooks
from watchers.kubernetes.admission import Reviewed, answer
from watchers.kubernetes.in_cluster import own_namespace
from watchers.kubernetes.listing import Listed, Unlisted, listed
from watchers.kubernetes.objects import Definition, path_of, snapshot

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterable

    from reconciler.app.places import Places
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.desired import Desired
    from watchers.kubernetes.certificates import Certificate

LOOKED = 60.0
"""Seconds between two looks at which certificate is to be shown, which others may have exchanged."""
ANSWERED = 4.0
"""Seconds after which an object is taken unseen: the API server waits for five."""

_MAY_COME = re.compile(r"(?:^|: )there is no (?:target |[A-Z]\w*/|')|is not declared for ")
"""What is said of something that others may declare yet."""

log = get_logger("froyo")


class Judge:
    """Says what would be wrong with an object.

    Args:
        load: evaluates a snapshot.
        kinds: that there are.
    """

    def __init__(self, load: Load, kinds: Sequence[Definition]) -> None:
        self._load = load
        self._kinds = {(one.group, one.kind): one for one in kinds}

    def judged(self, asked: Reviewed, there: Listed) -> tuple[list[str], list[str]]:
        """Why an object is not to be taken, and what the one who writes it should know.

        Args:
            asked: about which.
            there: all objects of its namespace, as they are.
        """
        definition = self._kinds.get((asked.group, asked.kind))
        if definition is None or asked.unchanged:
            return [], []
        name = asked.found["metadata"]["name"]
        path = path_of(definition, asked.namespace, name)
        found = {**asked.found, "metadata": {**asked.found["metadata"], "namespace": asked.namespace}}
        others = [(d, one) for d, one in there if d != definition or one["metadata"]["name"] != name]
        refusals, warnings = self._said(asked.namespace, others, (definition, found), there, path)
        if not refusals:
            return refusals, warnings
        # Who renames something by what applies first and prunes afterwards has both for a while.
        former = [one for d, one in others if d == definition and one.get("spec") == found.get("spec")]
        for one in former:
            rest = [(d, other) for d, other in others if other is not one]
            if not self._said(asked.namespace, rest, (definition, found), there, path)[0]:
                kept = f"{definition.kind}/{one['metadata']['name']}"
                return [], [f"{kept} says the same: this takes its place once that one is deleted"]
        return refusals, warnings

    def _said(
        self,
        namespace: str,
        others: Listed,
        given: tuple[Definition, dict[str, Any]],
        there: Listed,
        path: str,
    ) -> tuple[list[str], list[str]]:
        """Why an object is not to be taken beside some others, and what there is to know."""
        after, said, desired = self._evaluated(namespace, [*others, given])
        # As it is, the namespace is evaluated only where something has to be told apart from what was so before.
        before, known, _ = self._evaluated(namespace, there) if after or said else ((), (), None)
        old = {(one.file, one.message) for one in before}
        new = [one for one in after if (one.file, one.message) not in old]
        refusals = [_text(one, path) for one in new if not _MAY_COME.search(one.message)]
        warnings = [_text(one, path) for one in new if _MAY_COME.search(one.message)]
        warnings += [one for one in said if one not in known]
        if desired is not None:
            warnings += _doubtful(desired, path)
        return refusals, warnings

    def _evaluated(
        self, namespace: str, there: Listed
    ) -> tuple[Sequence[Problem], Sequence[str], Desired | None]:
        try:
            desired = self._load(snapshot(ClusterPlace(namespace).name, there))
        except ConfigError as error:
            return error.problems, (), None
        except SnapshotGone:
            return (), (), None
        return (), desired.warnings, desired


def _text(problem: Problem, path: str) -> str:
    where = "" if problem.file == path else f"{problem.file.removesuffix('.json')}: "
    return f"{where}{problem.message}" + (f" ({problem.hint})" if problem.hint else "")


def _doubtful(desired: Desired, path: str) -> Iterable[str]:
    """What is right, and will not do what its author may think."""
    for one in desired.instances.values():
        if one.origin.file == path and one.common.deletion is not Deletion.ORPHAN:
            for subject in one.provides:
                if subject.scheme == PATH and is_protected(subject.name):
                    yield (
                        f"spec.deletion: {subject.name} is protected, and stays when this object is deleted"
                    )


@contextlib.asynccontextmanager
async def admitting(
    listen: str, namespace: str, places: Places, environ: Mapping[str, str]
) -> AsyncIterator[None]:
    """Answer the API server, for as long as the context lasts.

    Args:
        listen: on which address.
        namespace: that is served: where the certificate's Secret is, unless this runs in a pod.
        places: where the installed packages are.
        environ: the process's environment.

    Raises:
        UsageError: it cannot listen there.
    """
    listening = bound(listen)
    task = asyncio.create_task(
        _admit(listening, own_namespace() or namespace, places, environ), name="admission"
    )
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        listening.close()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("objects are not checked before they are taken any more", exc_info=error)


async def _admit(
    listening: socket.socket, namespace: str, places: Places, environ: Mapping[str, str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    shown = asyncio.Event()
    kinds = await asyncio.to_thread(definitions, places)
    _, _, load = await asyncio.to_thread(evaluation, places, environ)
    load = Admission(places, environ).admitting(load)
    showing = asyncio.create_task(_show(context, namespace, shown.set), name="certificate")
    try:
        await shown.wait()
        answered = partial(_answered, Judge(load, kinds), kinds, asyncio.Lock())
        await served(reviews(answered), listening, context)
    finally:
        showing.cancel()
        await asyncio.wait([showing])


async def _show(context: ssl.SSLContext, namespace: str, ready: Callable[[], None]) -> None:
    """Have the certificate shown that is kept, for ever."""
    last, complained = None, ""
    while True:
        try:
            found = await webhooks.certificate(namespace, time.time())
        except Unlisted as error:
            if str(error) != complained:
                log.warning("the webhook has no certificate", why=str(error))
            complained = str(error)
        else:
            complained = ""
            if found != last:
                _load(context, found)
                last = found
                ready()
        await asyncio.sleep(LOOKED if not complained else LOOKED / 12)


def _load(context: ssl.SSLContext, found: Certificate) -> None:
    """Show it from now on. It is read from files, and from nothing else."""
    with tempfile.TemporaryDirectory() as directory:  # of this user alone
        chain, key = Path(directory, "chain"), Path(directory, "key")
        chain.write_bytes(found.chain)
        key.write_bytes(found.key)
        context.load_cert_chain(chain, key)


async def _answered(
    judge: Judge, kinds: Sequence[Definition], turn: asyncio.Lock, review: Mapping[str, Any]
) -> dict[str, Any]:
    asked = Reviewed.of(review)
    if asked.unchanged:
        return answer(asked.uid, [], [])
    try:
        async with asyncio.timeout(ANSWERED):
            judging = await _judging(judge, kinds, turn, asked)
            refusals, warnings = await asyncio.shield(judging)
    except TimeoutError:
        return answer(asked.uid, [], ["froyo could not check this in time; see the status of the object"])
    except Unlisted as error:
        return answer(asked.uid, [], [f"froyo could not check this: {error}"])
    except Exception:
        log.exception("an object could not be judged; this is a defect", namespace=asked.namespace)
        return answer(asked.uid, [], ["froyo failed to check this; see the status of the object"])
    return answer(asked.uid, refusals, warnings)


async def _judging(
    judge: Judge, kinds: Sequence[Definition], turn: asyncio.Lock, asked: Reviewed
) -> asyncio.Future[tuple[list[str], list[str]]]:
    """What is found of an object, which has its turn until then: a thread cannot be ended, whoever gives it up."""
    await turn.acquire()
    try:
        there = await listed(asked.namespace, kinds)
    except BaseException:
        turn.release()
        raise
    judging = asyncio.ensure_future(asyncio.to_thread(judge.judged, asked, there))

    def over(done: asyncio.Future[Any]) -> None:
        turn.release()
        if not done.cancelled():
            done.exception()  # who asked may have gone

    judging.add_done_callback(over)
    return judging
