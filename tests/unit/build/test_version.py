"""There is one version, and whoever else has to say it says the same."""

import tomllib
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

import froyo_provider
import reconciler
from hatch_build import BuildError, version_of

ROOT = Path(__file__).resolve().parents[3]


def test_the_sdk_and_the_wheel_have_the_version_of_the_program():
    """It stood in three places, and nothing noticed if one of them was forgotten."""
    assert froyo_provider.__version__ == reconciler.__version__
    assert ProjectMetadata(str(ROOT), PluginManager()).version == reconciler.__version__
    assert version_of(ROOT) == reconciler.__version__
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_a_checkout_without_a_version_is_said_to_be_one(tmp_path):
    (tmp_path / "reconciler").mkdir()
    (tmp_path / "reconciler" / "__init__.py").write_text("")
    with pytest.raises(BuildError, match="__version__"):
        version_of(tmp_path)
