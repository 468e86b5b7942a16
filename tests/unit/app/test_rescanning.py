"""How often `froyo up` looks at its directory without any event."""

from pathlib import Path

import pytest

from reconciler.app.served import rescan_interval
from reconciler.model.source import DirectoryPlace
from tests.unit.config.world import TARGET, loaded
from watchers.directory import RESCAN

SOURCE = """\
apiVersion: froyo.dev/v1alpha1
kind: Source
metadata: {name: site}
spec: {directory: {path: PATH}, interval: 5m}
"""


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        (SOURCE.replace("PATH", "."), 300.0),
        (SOURCE.replace("PATH", "../other"), RESCAN),
        (SOURCE.replace("PATH", ".").replace(", interval: 5m", ""), RESCAN),
        ("# nothing\n", RESCAN),
    ],
)
def test_is_what_the_source_of_this_directory_says(source: str, seconds: float) -> None:
    desired = loaded({"targets.yaml": TARGET, "site.yaml": source})
    assert rescan_interval(desired.sources.values(), DirectoryPlace("/src")) == seconds


def test_is_a_minute_before_anything_is_in_force() -> None:
    assert rescan_interval([], DirectoryPlace("/src")) == RESCAN


def test_a_directory_that_is_a_link_is_the_one_that_its_source_says(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "current").symlink_to("src")
    source = SOURCE.replace("PATH", str(tmp_path / "src"))
    desired = loaded({"targets.yaml": TARGET, "site.yaml": source})
    assert rescan_interval(desired.sources.values(), DirectoryPlace(str(tmp_path / "current"))) == 300.0
