"""What migrate asks of the outside: objects are written to an API server, and read there to come back as a directory.

Invariant: nothing is written before all of it is known to be right, and no secret where somebody else can read it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.app.cluster.seeing import GIVEN
from reconciler.app.migrating import returning
from reconciler.app.migrating.migration import Migration
from reconciler.app.places import must_be_ours
from reconciler.app.watching import definitions
from reconciler.errors import UsageError, why
from watchers.kubernetes.applying import Refused, apply, fetched
from watchers.kubernetes.listing import Unlisted, Unserved, listed, login_of

if TYPE_CHECKING:
    from reconciler.app.migrating.returning import Returned
    from reconciler.app.places import Places
    from reconciler.model.facts import Facts
    from reconciler.model.names import TargetName
    from watchers.kubernetes.listing import Listed


async def write(
    objects: Sequence[Mapping[str, Any]],
    places: Places,
    environ: Mapping[str, str],
    *,
    context: str,
    file: str,
    force: bool,
) -> None:
    """Write objects to a cluster.

    Args:
        objects: of one namespace.
        places: where the installed packages are.
        environ: of this process.
        context: of the kubeconfig, or "".
        file: the kubeconfig, or "".
        force: take over fields that somebody else manages.

    Raises:
        UsageError: it does not take them; what was written is said.
    """
    plurals = {(f"{one.group}/{one.version}", one.kind): one.plural for one in definitions(places)}
    try:
        access = await login_of(environ, file=file, context=context)
        await apply(access.connection, objects, plurals, force=force)
    except (Unlisted, Refused) as error:
        raise UsageError(str(error)) from error


async def brought(
    places: Places,
    environ: Mapping[str, str],
    *,
    root: str,
    context: str,
    file: str,
    namespace: str,
    known: Callable[[], Mapping[TargetName, Facts]],
    write: Callable[[dict[str, Any]], str],
) -> Returned:
    """What a namespace becomes as a directory.

    Args:
        places: where the installed packages are, and the secrets are to be.
        environ: of this process.
        root: the directory that is to be.
        context: of the kubeconfig, or "".
        file: the kubeconfig, or "".
        namespace: which; that of the context if it is "".
        known: gives what is known of targets.
        write: makes the text of a manifest.

    Raises:
        ConfigError: with everything that is wrong, or cannot come back.
        UsageError: it cannot be read.
    """
    try:
        access = await login_of(environ, file=file, context=context)
        namespace = namespace or access.namespace
        try:
            objects = await listed(namespace, definitions(places), access=access.connection, given=GIVEN)
        except Unserved as error:
            if not error.found:
                raise
            objects = error.found
        if not objects:
            raise UsageError(f"there are no objects of ours in the namespace {namespace}")
        data = await fetched(access.connection, namespace, returning.referred(objects))
    except Unlisted as error:
        raise UsageError(str(error)) from error
    migration = Migration(places, environ, known)

    def made(objects: Listed) -> Returned:
        return returning.returned(objects, data, migration.catalog, secrets=str(places.secrets), write=write)

    return migration.from_cluster(namespace, objects, returning.reading(data), partial(made, objects), root)


def written(found: Returned, directory: Path) -> None:
    """Write what came back. Secrets that are there already, and are others, stay as they are.

    Raises:
        UsageError: something cannot be written, or one of them is there already.
    """
    place = Path(found.place)
    for path, content in found.secrets.items():
        if (place / path).exists() and (place / path).read_bytes() != content:
            raise UsageError(
                f"{place / path} is there already, and holds something else; nothing was written"
            )
    try:
        if found.secrets:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            must_be_ours(place.parent)
        for path, content in found.secrets.items():
            _private(place, path, content)
        for path, text in found.files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename}: {why(error)}") from error


def _private(place: Path, path: str, content: bytes) -> None:
    """Write a file that nobody else can read, from its first byte on."""
    for directory in reversed((place / path).relative_to(place).parents):
        (place / directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # with just that in it
        descriptor = os.open(place / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
