"""What tests of packages load: the modules of one as the sandbox has them, and an example as a source has it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from reconciler.config import load
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.plugins.packages import Package, catalog
from reconciler.runtime import Runtime, connect_nothing
from watchers.directory import DirectorySource


@contextmanager
def imported(package: Path, modules: Sequence[str]) -> Iterator[ModuleType]:
    """The module `plugin` of a package. Others call theirs so, too: until the end, it and `modules` are of this one."""
    sys.path.insert(0, str(package))
    names = ("plugin", *modules)
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    import plugin

    yield plugin
    sys.path.remove(str(package))
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


def example(directory: Path, packages: Sequence[Package], **more: Any) -> Desired:
    """What the example in a directory declares; `more` is for `load`."""
    snapshot = DirectorySource(
        SourceName("examples"), str(directory), runtime=Runtime(connect=connect_nothing)
    ).take()
    return load(snapshot, catalog(packages), **{"environ": {}, **more})
