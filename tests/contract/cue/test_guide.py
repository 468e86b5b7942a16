"""docs/guides/cue.md, followed to the letter: what it writes where, and what it is told there."""

import re
from pathlib import Path

import pytest

from reconciler.cli.app import run
from reconciler.config.compiler import compiler

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "cue.md"
STEP = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
REVISION = re.compile(r"revision [0-9a-f]{12}")


def said(text: str) -> str:
    """What is printed, but for what the version of a package makes another one."""
    return REVISION.sub("revision …", text)


def test_it_can_be_followed(tmp_path, monkeypatch, capsys):
    if compiler().missing:
        pytest.skip(compiler().missing)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FROYO_STATE", str(tmp_path / "state"))
    commands = 0
    for step in STEP.finditer(GUIDE.read_text()):
        if step["path"]:
            Path(step["path"]).parent.mkdir(exist_ok=True)
            Path(step["path"]).write_text(step["text"])
            continue
        assert step["language"] == "console"
        for part in re.split(r"^\$ ", step["text"], flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            run(command.removeprefix("froyo ").split())
            told = capsys.readouterr()
            assert said(told.err + told.out) == said(expected), command
            commands += 1
    assert commands > 6
