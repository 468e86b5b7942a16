"""Help: a table of contents, and examples with every command."""

import importlib
import os
import re
import subprocess
import sys

import pytest
from typer.main import get_command

from reconciler.cli import habits
from reconciler.cli.app import application, run
from reconciler.cli.catalogue import GROUPS, SUMMARIES, module_of
from reconciler.cli.overview import overview

COMMANDS = sorted(SUMMARIES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_parse(name):
    command = get_command(application([name])).commands[name]
    examples = importlib.import_module(module_of(name)).EXAMPLES
    assert examples
    for line, what in examples:
        assert what
        words = line.replace("dev up", "up").replace("source <(", "").replace(")", "").split(" > ")[0]
        words = words.split(" 2>")[0].split(" | ")[0]
        import shlex

        program, called, *arguments = shlex.split(words)
        assert (program, called) == ("froyo", name)
        command.make_context(name, list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_what_it_does_and_its_examples(name, capsys):
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: froyo {name}")
    assert "Examples:\n" in text
    assert f"froyo {name}" in text.split("Examples:")[1]
    assert "\x1b" not in text


@pytest.mark.parametrize("name", [n for n in COMMANDS if n != "up"])
def test_every_command_that_answers_knows_the_common_options(name, capsys):
    run([name, "-h"])
    text = capsys.readouterr().out
    for option in ("-o, --output", "--state", "--no-color", "-q, --quiet", "-v, --verbose"):
        assert option in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_documents_and_knows_yaml_from_toml(name, capsys):
    """Three of them had only text."""
    run([name, "-h"])
    assert "-o, --output FORMAT" in capsys.readouterr().out
    assert run([name, "-o", "toml"]) == 1
    assert capsys.readouterr().err.startswith("froyo: -o takes text, ")


def test_the_overview_names_every_command_once_and_fits():
    text = overview(colour=False)
    for name, summary in SUMMARIES.items():
        assert text.count(f"  {name:<11} {summary}\n") == 1
    for width in (40, 60, 100):
        lines = overview(colour=False, width=width).split("\n")
        assert max(map(len, lines)) <= max(width, 54)
        assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert "\x1b" not in text
    assert overview(colour=True).count("\x1b[1m") == len(GROUPS) + 3


def test_a_name_that_was_misspelt_gets_a_suggestion(capsys):
    assert run(["aply"]) == 1
    assert capsys.readouterr().err == "froyo: there is no command 'aply'; did you mean 'apply'?\n"
    assert run(["--state", "x", "get"]) == 1
    assert "the command comes first" in capsys.readouterr().err
    assert run(["zzzzzz"]) == 1
    assert "see: froyo --help" in capsys.readouterr().err


def test_half_of_a_command_of_two_words_is_told_the_other(capsys):
    assert run(["dev"]) == 1
    assert capsys.readouterr().err == "froyo: there is no command 'dev'; did you mean 'dev up'?\n"


def test_usage_errors_exit_with_1_since_2_means_changes(capsys):
    assert run(["plan", "--bogus"]) == 1
    assert run(["get", "a", "b"]) == 1
    assert run(["get", "-o", "xml"]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "--bogus"], "there is no option --bogus; see: froyo plan --help"),
        (
            ["plan", "--ouput", "x"],
            "there is no option --ouput; did you mean '--output'?; see: froyo plan --help",
        ),
        (
            ["apply", "--check"],
            f"there is no option --check; {habits.OPTIONS['--check']}; see: froyo apply --help",
        ),
        (
            ["plan", "web-1"],
            (
                "there is no directory 'web-1' here; what is named first is where the manifests are, "
                "and a target is named with --target web-1"
            ),
        ),
        (["destroy"], "there is no command 'destroy'; " + habits.COMMANDS["destroy"]),
        (["plan", "--target"], "--target takes a value: --target NAME; see: froyo plan --help"),
        (["plan", "-q=3"], "there is no option -=; see: froyo plan --help"),
        (["plan", "--quiet=3"], "--quiet takes no value; see: froyo plan --help"),
        (["plan", "a", "b", "c"], "'b c' is more than it takes; it is: froyo plan [DIR] [OPTIONS]"),
        (
            ["get", "file", "motd"],
            "'motd' is more than it takes; a kind and a name are written File/motd; it is: froyo get [WHAT] [OPTIONS]",
        ),
        (
            ["suspend", "x"],
            "--reason TEXT is missing: why; others will read it; it is: froyo suspend OBJECT --reason TEXT [OPTIONS]",
        ),
        (
            ["completion"],
            "SHELL is missing: bash, zsh or fish; it is: froyo completion SHELL [OPTIONS]",
        ),
        (["completion", "bsh"], "SHELL is bash, zsh or fish, not 'bsh'; did you mean 'bash'?"),
        (["get", "-o", "jsn"], "-o takes text, wide, json, yaml or name, not 'jsn'; did you mean 'json'?"),
        (["status", "-o", "wide"], "-o takes text, json or yaml, not 'wide'"),
        (["up", "--log-format", "xyz"], "--log-format takes auto, console, json or journal, not 'xyz'"),
        (["events", "-n", "x"], "-n takes a whole number from 1 on, not 'x'"),
        (["history", "-n", "0"], "-n takes a whole number from 1 on, not '0'"),
    ],
)
def test_what_cannot_be_parsed_is_said_in_the_voice_of_all_errors(words, says, capsys):
    assert run(words) == 1
    assert capsys.readouterr().err == f"froyo: {says}\n"


def test_every_command_that_is_offered_for_another_tools_word_is_there():
    assert habits.COMMANDS.keys().isdisjoint(SUMMARIES)
    named = [
        name
        for text in (*habits.COMMANDS.values(), *habits.OPTIONS.values())
        for name in re.findall(r"froyo (\S+?)\b", text)
    ]
    assert named
    assert {name for name in named if name not in SUMMARIES} == set()


@pytest.mark.parametrize("columns", ["60", "100"])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_help_is_wider_than_the_terminal(name, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.split("\n"))) <= int(columns)
    usage = " ".join(text.split("\n\n")[0].split())
    assert "[[" not in usage
    assert "{" not in usage
    assert usage.endswith("[OPTIONS]")


def test_help_of_a_command_is_also_asked_for_the_other_way_round(capsys):
    assert run(["help", "plan"]) == 0
    assert "Usage: froyo plan" in capsys.readouterr().out
    assert run(["dev", "up", "--help"]) == 0
    assert "Usage: froyo up" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"], ["version"], ["--version"]])
def test_what_is_asked_most_imports_next_to_nothing(arguments):
    code = (
        "import sys; sys.argv[1:] = %r\n"
        "from reconciler.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'typer', 'rich', 'asyncio', 'json', 'sqlite3', 'yaml', 'aiohttp', 'logging', 'dataclasses'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        # -S: what this environment loads at start, such as coverage, is none of our doing.
        [sys.executable, "-S", "-c", code % arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
        cwd=os.getcwd(),
    )
    assert done.stderr == "[]\n"
    assert "froyo" in done.stdout


OF_THEIR_OWN = {"--reason", "--all", "--for", "provider --target", "operator --namespace"}
"""Options that mean one thing here and another there, and say so."""


def test_an_option_is_the_same_in_every_command_that_has_it():
    """They were declared anew in each command, and had drifted apart."""
    found = {}
    for name in COMMANDS:
        for one in get_command(application([name])).commands[name].params:
            if one.param_type_name == "option" and not OF_THEIR_OWN & {
                *one.opts,
                f"{name} {one.opts[0]}",
            }:
                what = (tuple(one.opts), one.metavar, one.help if one.opts[0] != "-o" else "")
                found.setdefault(max(one.opts, key=len), set()).add(what)
    assert {name: kinds for name, kinds in found.items() if len(kinds) > 1} == {}
