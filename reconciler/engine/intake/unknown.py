"""What is in force on a target while it is not known what a source declares there. Unknown is not empty."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import Desired


def kept_while_waiting(desired: Desired, before: Desired | None) -> Desired:
    """What a source declares, with what it declared last on targets that wait for their facts.

    Args:
        desired: what it declares, as far as that is known.
        before: what it declared last, if anything.
    """
    if before is None or not desired.waiting:
        return desired
    kept = {address: one for address, one in before.instances.items() if one.target in desired.waiting}
    bodies = {digest for one in kept.values() for digest in one.bodies}
    return replace(
        desired,
        instances={**desired.instances, **kept},
        graphs={**desired.graphs, **{n: one for n, one in before.graphs.items() if n in desired.waiting}},
        blobs={
            **{digest: blob for digest, blob in before.blobs.items() if digest in bodies},
            **desired.blobs,
        },
    )
