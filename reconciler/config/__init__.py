"""Phase one: the files of a snapshot to validated objects, with file:line:column for whatever is wrong.

Importing this package is cheap. PyYAML and jsonschema-rs, which no other module of the engine imports for
this, are imported when something is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.config.cache import ParseCache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.config.programs import Language
    from reconciler.core.vault import Vault
    from reconciler.model.catalog import Catalog
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.names import TargetName
    from reconciler.model.source import Snapshot

__all__ = ["ParseCache", "load"]


def load(
    snapshot: Snapshot,
    catalog: Catalog,
    *,
    cache: ParseCache | None = None,
    environ: Mapping[str, str] | None = None,
    facts: Mapping[TargetName, Facts] | None = None,
    vault: Vault | None = None,
    languages: Sequence[Language] = (),
) -> Desired:
    """What a snapshot says should be.

    Args:
        snapshot: all files of a source.
        catalog: the kinds that may be declared beside Target and Source.
        cache: keeps what is known of files that do not change; give the same one every time.
        environ: the controller's environment, for `~`.
        facts: what is known of targets. One that has none waits, where anything depends on them.
        vault: reads secrets; without it none can be had.
        languages: in which its programs may be written, in the order in which they are evaluated.

    Raises:
        ConfigError: with everything that is wrong.
        SnapshotGone: a file moved on before it was read; a newer snapshot is on its way.
    """
    from reconciler.config.loading import load_snapshot

    return load_snapshot(
        snapshot,
        catalog,
        cache=cache,
        environ=environ,
        facts=facts,
        vault=vault,
        languages=languages,
    )
