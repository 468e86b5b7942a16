"""What a directory declares by itself: read and evaluated, for commands that look at nothing else.

Imports no part of the engine, no store and no sandbox: `froyo validate` has an answer before these were read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from reconciler.app.catalogues import installed
from reconciler.app.keeping_secrets import KeptSecrets
from reconciler.app.secrets import KEY_BYTES
from reconciler.config import ParseCache, load
from reconciler.core.vault import Vault
from reconciler.languages import LANGUAGES
from reconciler.model.cluster import namespace_of
from reconciler.model.secrets import KeyRef, SecretMissing

if TYPE_CHECKING:
    from typing import NoReturn

    from reconciler.app.places import Places
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.catalog import Catalog
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.names import SourceName, TargetName
    from reconciler.model.source import Snapshot
    from reconciler.plugins.packages import Package


def evaluation(
    places: Places,
    environ: Mapping[str, str],
    known: Callable[[], Mapping[TargetName, Facts]] = dict,
    *,
    vault: Vault | None = None,
) -> tuple[list[Package], Catalog, Load]:
    """The provider packages, their kinds, and what evaluates a snapshot: all that `froyo validate` needs.

    Args:
        places: where things are kept.
        environ: the process's environment.
        known: gives what is known of targets at the time.
        vault: reads secrets; if None, one for who reaches no target: its key is its own, and a secret may be missing.

    Raises:
        ConfigError: a provider package is broken.
    """
    packages, kinds = installed(places)
    # The namespaces of a cluster share one: they are many, and have no programs.
    caches: dict[SourceName | None, ParseCache] = {}
    had = vault or Vault(
        KeptSecrets(places, referred=_elsewhere).read, partial(os.urandom, KEY_BYTES), missing=True
    )

    def evaluate(snapshot: Snapshot) -> Desired:
        source = None if namespace_of(snapshot.source) else snapshot.source
        cache = caches.setdefault(source, ParseCache())
        return load(
            snapshot, kinds, cache=cache, environ=environ, facts=known(), vault=had, languages=LANGUAGES
        )

    return packages, kinds, evaluate


def _elsewhere(key: KeyRef) -> NoReturn:
    raise SecretMissing(f"{key.file} is known in its cluster alone")
