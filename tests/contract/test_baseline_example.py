"""The hardened baseline is valid on every kind of host, in an order that locks nobody out, and told in its page."""

import re
from pathlib import Path

import pytest

from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName
from reconciler.plugins.packages import load_packages
from tests.contract.loading import example

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "baseline"
PACKAGES = [path for path in (ROOT / "providers").iterdir() if (path / "manifest.yaml").exists()]


def loaded(kind):
    facts = {TargetName("server-1"): Facts({Section("virtualization"): {"kind": kind}})}
    return example(EXAMPLE, load_packages(PACKAGES), environ={"HOME": "/home/ann"}, facts=facts)


@pytest.mark.parametrize("kind", ["none", "machine", "container"])
def test_only_a_container_has_the_kernel_of_another(kind):
    desired = loaded(kind)
    assert not desired.waiting
    settings = {one.spec["name"] for one in desired.instances.values() if one.kind == "Sysctl"}
    assert "net.ipv4.tcp_syncookies" in settings
    assert ("kernel.kptr_restrict" in settings) is (kind != "container")
    assert bool(desired.warnings) is (kind == "container")


def test_nobody_is_shut_out_before_somebody_else_is_let_in():
    order = loaded("machine").graphs[TargetName("server-1")].order
    shut = order.index("server-1/File/sshd-baseline")
    for first in ("User/admin", "AuthorizedKey/admin", "File/sudo-admin", "File/banner-net"):
        assert order.index(f"server-1/{first}") < shut
    assert shut < order.index("server-1/Service/ssh")
    assert order.index("server-1/Package/cron") < order.index("server-1/File/cron-allow")


def test_what_could_lock_everybody_out_is_checked_before_it_goes_live():
    for instance in loaded("machine").instances.values():
        if str(instance.spec.get("path", "")).startswith(("/etc/sudoers", "/etc/ssh/sshd_config.d")):
            assert instance.spec["validate"], instance.address


def test_each_file_of_it_is_in_its_page():
    page = (EXAMPLE / "README.md").read_text()
    for path in EXAMPLE.glob("*.yaml"):
        assert f"`{path.name}`" in page
    for path in re.findall(r"`((?:tests|docs)/[^`]+)`", page):
        assert (ROOT / path).exists(), path
