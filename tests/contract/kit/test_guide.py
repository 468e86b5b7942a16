"""docs/guides/writing-a-provider.md, followed to the letter: what it writes where, and what it is told there."""

import re
from pathlib import Path

import pytest

from reconciler.cli.app import run
from reconciler.cli.show.packages import package_lines, summary, verdict_lines
from reconciler.cli.terminal import Terminal
from tests.contract.kit.conftest import ROOT, Try, findings

GUIDE = (ROOT / "docs" / "guides" / "writing-a-provider.md").read_text()


def block(language: str, beginning: str) -> str:
    """The block of the guide that begins so."""
    [found] = [
        text
        for text in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
        if text.startswith(beginning)
    ]
    return str(found)


def insert(path: Path, before: str, text: str) -> None:
    content = path.read_text()
    assert content.count(before) == 1
    path.write_text(content.replace(before, text + before))


def test_who_follows_it_comes_to_where_it_says(
    trial: Try, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["provider", "new", "my.marker"]) == 0
    assert "\n".join(capsys.readouterr().out.splitlines()[:5]) in GUIDE
    package = tmp_path / "my.marker"
    with (package / "cases" / "marker.yaml").open("a") as file:
        file.write("\n" + block("yaml", "- name: another owner"))
    assert run(["provider", "validate", "my.marker"]) == 1
    assert "\n".join(capsys.readouterr().err.splitlines()[:2]) in GUIDE

    schema = package / "schemas" / "marker.json"
    text = schema.read_text()
    field = block("json", '    "owner"').rstrip("\n")
    assert text.endswith("    }\n  }\n}\n")
    schema.write_text(text.removesuffix("    }\n  }\n}\n") + "    },\n" + field + "\n  }\n}\n")
    [message] = findings(trial(package))["cases"][:1]
    assert f"marker.yaml:45: another owner is put right: {message}" in GUIDE

    plugin = package / "plugin.py"
    fields = block("python", "    fields = ")
    plugin.write_text(re.sub(r"    fields = .*\n", lambda _: fields, plugin.read_text()))
    insert(plugin, "    write = {", block("python", "    owner = "))
    assert findings(trial(package)) == {}


def test_what_it_says_that_the_kit_says_the_kit_does_say() -> None:
    said = "".join(path.read_text() for path in (ROOT / "reconciler" / "conformance").glob("*.py"))
    said += (ROOT / "reconciler" / "plugins" / "calls.py").read_text()
    for words in (
        "it changes the target, and in read a provider may only look",
        "it is read as something that it is not",
        "no case has it make",
    ):
        assert words in GUIDE
        assert words in said.replace("which no case has it make", "no case has it make")


def test_what_it_shows_of_a_good_package_is_what_is_shown(trial: Try, skeleton: Path) -> None:
    import io

    from reconciler.plugins.packages import load_packages

    screen = Terminal(io.StringIO(), io.StringIO())
    [package] = load_packages([skeleton])
    verdicts = list(trial(skeleton).values())
    for line in list(verdict_lines(screen, verdicts))[:4]:
        assert line in GUIDE
    assert summary(package, verdicts, 6) in GUIDE
    listed = list(package_lines(screen, package, {}, built_in=False, grants=Path("…/grants.json")))
    for line in listed[1:5]:
        assert line.strip() in GUIDE
    assert '{"my.marker": [{"call": "file.stat", "subjects": ["path:/srv/**"]}' in listed[5]
