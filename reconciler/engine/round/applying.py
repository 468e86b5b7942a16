"""The third step of a round: apply what was planned, by the providers, to a target."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence

from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.observing import by_package
from reconciler.engine.round.outcome import Applied
from reconciler.engine.round.performing import WritingPerformer, together
from reconciler.engine.round.services import Services
from reconciler.errors import ErrorClass, FroyoError, ProviderError, RunnerError
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Cause, PlanUnit, Preimage
from reconciler.model.provider import Result
from reconciler.targets.session import Session


async def apply_step(
    services: Services,
    session: Session,
    lane: Lane,
    units: Sequence[PlanUnit],
    *,
    intended: asyncio.Future[None],
    lasting: list[str],
) -> dict[Address, Applied]:
    """Carry out `units`, none of which depends on another of them.

    Args:
        services: what the round works with.
        session: to the target.
        lane: the target.
        units: what to do.
        intended: ends when the intents are on record. No call is made before that, but providers may compute.
        lasting: gets the operations whose results the target keeps until they are forgotten.

    Raises:
        StoreError: of `intended`; nothing was done.
        TransportError: the session was lost; what had been done by then is not known.
    """
    instances = [lane.instances[unit.address] for unit in units]
    performer = WritingPerformer(
        session,
        services.settings,
        find_blob=services.find_blob,
        declared={digest for one in instances for digest in one.bodies},
        kept=services.store.blobs.read,
        intended=intended,
    )
    by_address = {unit.address: unit for unit in units}
    results: dict[Address, Applied] = {}

    async def run(package: str, mine: list[Address], *, going: bool) -> None:
        do = services.host.destroy if going else services.host.apply
        operations = [by_address[address].operation for address in mine]
        try:
            answers = await do(package, lane.target.name, operations, performer)
        except ProviderError as error:
            results.update(dict.fromkeys(mine, Applied(fault=error)))
            return
        results.update(zip(mine, map(_applied, answers), strict=True))

    removed = {one.address for one in instances if one.removal is not None}
    await together(
        [
            run(package, mine, going=going)
            for going, some in ((False, by_address.keys() - removed), (True, removed))
            for package, mine in by_package(lane, [a for a in by_address if a in some]).items()
        ]
    )
    lasting += performer.lasting
    return results


def _applied(result: Result | ProviderError) -> Applied:
    if isinstance(result, ProviderError):
        return Applied(fault=result)
    return Applied(changed=result.changed, output=result.output)


async def keep_preimages(
    session: Session, journal: Journal, units: Collection[PlanUnit], *, limit: int
) -> dict[Address, FroyoError]:
    """Keep the content that `units` are about to replace, so that a rollback can bring it back.

    What a repair of drift replaces is kept only where it came with the reading: nobody declared it, and a large one
    must not delay the repair.

    Under a digest only a content is kept that has it, whatever a provider or a target says.

    Returns:
        The units whose content could not be kept, and why: they must not be applied.

    Raises:
        TransportError: the session was lost.
        StoreError: nothing can be kept.
    """
    contents: dict[Address, bytes] = {}
    wanted: dict[Address, tuple[Preimage, PlanUnit]] = {}
    for unit in units:
        preimage = unit.operation.preimage
        if preimage is None or preimage.size > limit:
            continue
        text = _text_read(unit, preimage.digest)
        if text is not None:
            contents[unit.address] = text
        else:
            wanted[unit.address] = (preimage, unit)
    missing = await journal.preimages.missing(preimage.digest for preimage, _ in wanted.values())
    known: dict[Address, Digest] = {}
    failed: dict[Address, FroyoError] = {}
    for address, (preimage, unit) in wanted.items():
        if preimage.digest not in missing:
            known[address] = preimage.digest
        elif unit.cause is not Cause.DRIFT:
            try:
                content = await _read(session, preimage)
                if not session.holds_secret(content):
                    contents[address] = content
            except RunnerError as error:
                failed[address] = error
    await journal.preimages.keep(contents, known)
    return failed


async def _read(session: Session, preimage: Preimage) -> bytes:
    """The content that the plan saw, from the target.

    Raises:
        RunnerError: it cannot be read, or is another one by now; or the provider never saw it.
        TransportError: the session was lost.
    """
    content, found = await session.read_file(preimage.path, size=preimage.size)
    if found != preimage.digest:
        raise RunnerError(
            f"{preimage.path} is not what the plan saw, so it is not replaced; it is looked at again",
            error_class=ErrorClass.CONFLICT,
            code="conflict",
        )
    return content


def _text_read(unit: PlanUnit, digest: Digest) -> bytes | None:
    """The content as it came with the reading, if it did; what a provider calls so and is not, is none."""
    for diff in unit.operation.diffs:
        before = diff.before
        if isinstance(before, dict) and before.get("digest") == digest and "text" in before:
            content = str(before["text"]).encode(errors="surrogatepass")
            if hashlib.sha256(content).hexdigest() == digest.removeprefix("sha256:"):
                return content
    return None
