"""The guides for who comes from elsewhere: their manifests load, their fields are there, and no kind is left out."""

import re
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.config.describing import every_kind, find
from reconciler.model.catalog import Catalog
from reconciler.plugins.packages import catalog, load_packages
from tests.unit.config.world import snapshot

ROOT = Path(__file__).parents[2]
GUIDES = ("from-ansible.md", "from-puppet.md")
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web}}
spec: {ssh: {host: 192.0.2.1}}
"""
BESIDE = {
    "site.conf.j2": "listen {{ vars.port }};\n",
    "nftables.conf": "flush ruleset\n",
    "hosts.ini": "[web]\nweb-2 ansible_host=192.0.2.2\n",
}
"""What the manifests name."""


@pytest.fixture(scope="module")
def kinds() -> Catalog:
    return catalog(load_packages([ROOT / "providers"]))


@pytest.mark.parametrize("guide", GUIDES)
def test_its_manifests_can_be_declared(guide: str, kinds: Catalog) -> None:
    text = (ROOT / "docs" / "guides" / guide).read_text()
    blocks = [one for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "apiVersion:" in one]
    assert blocks
    for block in blocks:
        desired = load(snapshot({"target.yaml": TARGET, "site.yaml": block, **BESIDE}), kinds)
        assert desired.instances or desired.targets.keys() > {"web-1"}
        unwanted = [one for one in desired.warnings if "does nothing" in one or "template" in one]
        assert unwanted == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_field_that_it_names_is_one(guide: str, kinds: Catalog) -> None:
    known = every_kind(kinds)
    names = {kind.kind for kind in known}
    text = (ROOT / "docs" / "guides" / guide).read_text()
    named = {one for one in re.findall(r"`([A-Z][A-Za-z]+\.[a-zA-Z.]+)`", text) if one.split(".")[0] in names}
    assert len(named) > 10
    for one in named:
        find(one, known)


def test_every_kind_that_there_is_is_in_the_guide_for_who_comes_from_ansible(kinds: Catalog) -> None:
    text = (ROOT / "docs" / "guides" / "from-ansible.md").read_text()
    missing = [kind.kind for kind in every_kind(kinds) if not re.search(rf"`{kind.kind}[`.]", text)]
    assert missing in ([], ["Source"])
