"""Which places are to be served, and how often each is looked at, by what is in force."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.source import DirectoryPlace, Place, Source, identity, serving
from watchers.directory import RESCAN


def served_no_longer(
    given: Iterable[SourceName], served: Iterable[Place], in_force: Mapping[SourceName, Desired]
) -> list[SourceName]:
    """What is served although nothing says so: it was not given, and nothing that is to be has a Source about it.

    Args:
        given: what the daemon was given.
        served: what is.
        in_force: what each declares.
    """
    by_place = {real(place): place.name for place in served}
    wanted, todo = set(given), [*given]
    while todo:
        desired = in_force.get(todo.pop())
        for source in desired.sources.values() if desired is not None else ():
            name = by_place.get(real(source.place))
            if name is not None and name not in wanted:
                wanted.add(name)
                todo.append(name)
    return [name for name in by_place.values() if name not in wanted]


def source_of(name: SourceName, ranked: Mapping[SourceName, Desired]) -> Source | None:
    """In which way a source is to be served: as the first declares it that is not itself; None if none does.

    What a repository says of itself does not count, or it could say that nobody need have signed it.

    Args:
        name: of the source.
        ranked: what each source declares, first those that count before others.
    """
    for declarer, desired in ranked.items():
        found = next((one for one in desired.sources.values() if one.place.name == name), None)
        if declarer != name and found is not None:
            return found
    return None


def real(place: Place) -> str:
    """What is served by its one name: of a directory, whichever links lead to it."""
    return os.path.realpath(place.path) if isinstance(place, DirectoryPlace) else identity(place)


def rescan_interval(declared: Iterable[Source], place: Place) -> float:
    """Seconds between looks at a place without any event, as what is in force declares it."""
    served = serving(declared, real(place))
    return RESCAN if served is None or served.interval is None else served.interval
