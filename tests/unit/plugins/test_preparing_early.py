"""Packages that are prepared while nobody waits for them yet."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.plugins.capabilities import Grants
from reconciler.plugins.host import PluginHost
from reconciler.plugins.packages import Package, load_packages
from reconciler.runtime import Runtime, ThreadLanes
from tests.unit.plugins.test_packages import MANIFEST, write


@pytest.fixture
def lanes() -> Iterator[ThreadLanes]:
    lanes = ThreadLanes()
    yield lanes
    lanes.close()


async def test_all_that_are_under_way_end_with_the_host(
    tmp_path: Path, lanes: ThreadLanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, MANIFEST.replace("test.thing", f"test.{name}").replace("Thing", name.upper()))
    host = PluginHost(
        load_packages([tmp_path]),
        grants=Grants(),
        runtime=Runtime(connect=None, offload=lanes),  # type: ignore[arg-type]
        cache_dir=tmp_path,
        artifacts=tmp_path,
        audit=lambda *_: None,
    )
    under_way: set[str] = set()
    begun = asyncio.Event()

    async def prepare(package: Package) -> None:
        under_way.add(package.name)
        if len(under_way) == 2:
            begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            under_way.discard(package.name)

    monkeypatch.setattr(host, "prepare", prepare)
    host.prepare_soon(["test.a"])
    host.prepare_soon(["test.b"])
    await begun.wait()
    await host.close()
    assert under_way == set()
