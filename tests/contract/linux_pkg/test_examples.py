"""The example of packages is valid, means what its readers take it to mean, and is put in place."""

import pytest

from reconciler.core.graph import build_graph
from reconciler.errors import ConfigError
from reconciler.plugins.packages import load_packages
from tests.contract.linux_pkg.memory import PACKAGE, installed, known
from tests.contract.loading import example

EXAMPLE = PACKAGE.parents[1] / "examples" / "packages"


def loaded(directory=EXAMPLE):
    return example(directory, load_packages([PACKAGE, PACKAGE.parent / "linux.file"]))


def test_the_example_converges_in_one_run_and_the_file_comes_after_its_package(bench):
    desired = loaded()
    order = build_graph([*desired.instances.values()]).order
    assert order.index("box/Package/web-server") < order.index("box/File/web-server-types")
    versions = {"jq": "1.6", "tree": "2.1", "curl": "7.88", "nginx": "1.22", "telnetd": "0.17"}
    here = bench(**{name: known(version) for name, version in versions.items()})
    here.debian.installed["telnetd"] = installed("0.17", "config-files")
    wanted = [
        here.declared(one) for one in desired.instances.values() if one.kind in {"Package", "Repository"}
    ]
    here.debian.world["lists"] = {"deb.debian.org_debian_dists_bookworm-backports_InRelease": {}}
    here.put_right(*wanted)
    assert here.versions() == {name: version for name, version in versions.items() if name != "telnetd"}
    assert here.debian.installed["nginx"]["hold"]
    assert [one["action"] for one in here.plan(*wanted)] == ["none"] * 4


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ('package: "jq=1.6"', 'did you mean package: jq, version: "1.6"?'),
        ('package: "jq == 1.6"', 'did you mean package: jq, version: "1.6"?'),
        ('package: "jq>=1.6"', 'did you mean package: jq, version: ">=1.6"?'),
        ('packages: [tree, "jq<2"]', 'let jq be one by itself, with version: "<2"'),
        ('package: "jq=1 6"', ""),
        ('package: "j q=1"', ""),
        ('package: "jq!"', ""),
        ('package: jq, version: "1 2=3"', ""),
    ],
)
def test_a_version_that_stands_behind_a_name_has_a_field_of_its_own(tmp_path, named, hint):
    (tmp_path / "jq.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Package\nmetadata: {name: jq}\n"
        f"spec: {{target: box, {named}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path)
    told = [one.hint for one in caught.value.problems if "version:" in one.hint]
    assert told == ([hint] if hint else [])
