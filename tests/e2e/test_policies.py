"""A rule that runs for ever is stopped and denies what it governs; what other sources declare goes on."""

import pytest

from tests.integration.cli.conftest import person
from tests.integration.cli.test_policies import FORBIDDEN, ruled

__all__ = ["person", "ruled"]

pytestmark = pytest.mark.e2e

BOMBS = {
    "memory": "count([[a, b] | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000)]) < 0",
    "time": "some a in input.ns; some b in input.ns; some c in input.ns; some d in input.ns; a + b + c + d < 0",
    "text": 'count(concat("", [x | some a in numbers.range(1, 50000000); x := "xxxxxxxxxxxxxxxx"])) < 0',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_holds_up_no_other_source(ruled, bomb):
    other, opened = ruled.base / "other", ruled.machine / "open"
    (other / "policies").mkdir(parents=True)
    rule = BOMBS[bomb].replace("input.ns", "numbers.range(1, 1000)")
    (other / "policies" / "endless.rego").write_text(
        f'package froyo.plan\n\ndeny contains "never" if {{\n\t{rule}\n}}\n'
    )
    (other / "target.yaml").write_text((ruled.site / "target.yaml").read_text().replace("here", "there"))
    late = FORBIDDEN.replace("target: here", "target: there").replace("@/open", f"{ruled.machine}/late")
    (other / "file.yaml").write_text(late)
    ruled.write("files.yaml", FORBIDDEN.replace("0666", "0644"))

    def known(address):
        return next((one for one in ruled.json("get")["items"] if one["address"] == address), {})

    with ruled.up(other):
        ruled.until(lambda: known("there/File/open").get("reason") == "PolicyDenied")
        said = known("there/File/open")["message"]
        assert "of its 512 MiB of memory" in said or "it took longer than 10 s, and was stopped" in said, said
        for text in ("once", "twice", "thrice"):
            opened.write_text(text)
            ruled.until(lambda: opened.read_text() == "x\n")
        assert not (ruled.machine / "late").exists()
