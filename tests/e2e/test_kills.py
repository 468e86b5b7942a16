"""`kill -9` of the daemon at random instants, while everything that it keeps is being spoiled."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import Sampler, Site, instance, local, until
from tests.e2e.spoiler import THEIRS
from tests.e2e.store import damages

BODIES = {f"whole-{n}": (f"line {n} of what is declared\n" * (10_000 + n)) for n in range(10)}


def declare(site: Site) -> dict[Path, bytes]:
    """Some hundred files, directories and links; returns what is to be in the files."""
    torn, whole = site.world / "torn", site.world / "whole"
    documents = [local(), instance("Directory", "torn", torn), instance("Directory", "whole", whole)]
    contents = {}
    for number in range(20):
        directory = torn / f"d{number}"
        documents.append(instance("Directory", f"d{number}", directory, mode="0755", force=True))
        documents.append(
            instance("Symlink", f"l{number}", torn / f"l{number}", to=f"d{number}/f0", force=True)
        )
        for inner in range(12):
            path = directory / f"f{inner}"
            contents[path] = f"{number}.{inner}\n".encode() * (number * inner)
            text = contents[path].decode()
            documents.append(
                instance("File", f"f{number}.{inner}", path, content=text, mode="0640", force=True)
            )
    for name, text in BODIES.items():
        contents[whole / name] = text.encode()
        (site.manifests / name).write_text(text)
        documents.append(instance("File", name, whole / name, source=name))
    site.declare(*documents)
    return contents


@pytest.mark.parametrize(
    "kills",
    [pytest.param(8, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.e2e)],
)
def test_whenever_the_daemon_is_killed_the_world_converges_and_nothing_is_lost(site, kills):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    contents = declare(site)
    instances = len(contents) + 42
    site.apply()
    spoiler = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("spoiler.py"), seed, "0.01", str(site.world)]
    )
    whole = {site.world / "whole" / name: {text.encode(), THEIRS} for name, text in BODIES.items()}
    try:
        with Sampler(whole) as sampler:
            for _ in range(kills):
                daemon = site.up()
                if dice.random() < 0.8:  # else it dies while it starts
                    until("it listens", lambda: daemon.ask("healthz"))  # noqa: B023 - called at once
                try:
                    daemon.process.wait(dice.random() * 1.5)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                else:
                    raise AssertionError(f"the daemon ended by itself:\n{daemon.log[-4000:]}")
            assert spoiler.poll() is None
    finally:
        spoiler.kill()
        spoiler.wait()
    assert sampler.looks > 100
    assert sampler.wrong == []

    daemon = site.up()
    daemon.until_ready(instances)
    until(
        "every file is as declared",
        lambda: all(path.is_file() and path.read_bytes() == content for path, content in contents.items()),
    )
    assert all(path.stat().st_mode & 0o7777 == 0o640 for path in contents if "torn" in path.parts)
    assert all(os.readlink(site.world / f"torn/l{n}") == f"d{n}/f0" for n in range(20))
    repaired = until("repairs are on record", lambda: daemon.events(reason="Repaired"))
    assert len({event["id"] for event in repaired}) == len(repaired)
    assert daemon.terminate() == 0
    assert damages(site.state) == []
    assert "Traceback" not in daemon.log
    (site.world / "aside").unlink(missing_ok=True)
    site.assert_nothing_is_left()
