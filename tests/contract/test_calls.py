"""A call of the runner is described in its protocol; whatever repeats that says the same.

The runner itself is held to it by `micro_runner/session_test.go`: which commands it has, and what each is about.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from froyo_provider.testing import READING_CALLS
from reconciler.engine.round import advice
from reconciler.errors import ErrorClass
from reconciler.plugins.calls import CALLS, CallRule
from reconciler.targets import parsing

ROOT = Path(__file__).parents[2]
CONTROLLER = (ROOT / "docs" / "spec" / "controller-calls.md").read_text()
PROTOCOL = (ROOT / "micro_runner" / "protocol.md").read_text()
SPEC = (ROOT / "docs" / "spec" / "provider-interface.md").read_text()


@dataclass(frozen=True)
class Said:
    """What is said of a call: the clauses of its heading in the protocol."""

    reading: bool
    about: str
    command: str
    lasting: bool = False


def said_by_the_protocol(page: str = PROTOCOL) -> dict[str, Said]:
    said = {}
    for names, text in re.findall(r"^### ([a-z., ]+) — (.*)$", page, re.MULTILINE):
        kind, *clauses = text.split("; ")
        about = "".join(one.removeprefix("about ") for one in clauses if one.startswith("about "))
        runs = "".join(one for one in clauses if re.match("(may run|runs) ", one))
        one = Said(kind.startswith("reading"), about, runs, "lasts" in clauses)
        said.update(dict.fromkeys(names.split(", "), one))
    return said


def said_by_the_rule(rule: CallRule) -> Said:
    about = []
    for names in rule.names:
        template = f"{names.scheme}:{{{names.argument}}}"
        about += [f"`{template}`"] + ([f"`{template}{{{names.suffix}}}`"] if names.suffix else [])
        about += [f"where `{names.link}` leads"] if names.link else []
    command = f"{'runs' if rule.runs else 'may run'} `{rule.command}`" if rule.command else ""
    return Said(rule.reading, " and ".join(about), command, rule.lasting)


def test_the_rule_of_each_call_is_what_the_protocol_says_of_it() -> None:
    said = said_by_the_protocol()
    of_runners = {name: rule for name, rule in CALLS.items() if not rule.controller}
    assert {name: said_by_the_rule(rule) for name, rule in of_runners.items()} == {
        name: said[name] for name in of_runners
    }


def test_the_rule_of_each_call_of_the_controller_is_what_its_page_says_of_it() -> None:
    ours = {name: said_by_the_rule(rule) for name, rule in CALLS.items() if rule.controller}
    assert ours == said_by_the_protocol(CONTROLLER)


def test_the_errors_of_the_controllers_calls_are_those_of_its_page() -> None:
    rows = re.findall(r"^\| (transient|permanent) \| (.*?) \|", CONTROLLER, re.MULTILINE)
    says = {code for _, codes in rows for code in re.findall(r"`([a-z_]+)`", codes)}
    sources = [
        *(ROOT / "reconciler" / "outside").glob("*.py"),
        *(ROOT / "reconciler" / "targets").glob("*.py"),
        ROOT / "reconciler" / "sockets.py",
    ]
    text = "".join(path.read_text() for path in sources)
    assert {code for code in says if f'"{code}"' not in text} == {"not_a_probe", "refused"}


def test_what_no_provider_can_ask_for_is_what_it_could_not_be_answered() -> None:
    only_the_engine = {"file.read", "digests.forget", "exec.forget", "observe", "watch"}
    assert said_by_the_protocol().keys() - CALLS.keys() == only_the_engine


def test_the_table_for_authors_says_the_same() -> None:
    table = {}
    for names, kind, about, command in re.findall(
        r"^\| ((?:`[a-z.]+` ?)+)\| (reads|writes) \|(.*)\|(.*)\|$", SPEC, re.MULTILINE
    ):
        for name in re.findall(r"`([a-z.]+)`", names):
            table[name] = (kind == "reads", about.strip(), command.strip())
    assert table == {
        name: (said.reading, said.about, said.command.removeprefix("may run ").removeprefix("runs "))
        for name, said in {**said_by_the_protocol(), **said_by_the_protocol(CONTROLLER)}.items()
        if name in CALLS
    }


def test_the_harness_for_authors_knows_which_calls_read() -> None:
    assert {name for name, rule in CALLS.items() if rule.reading} == READING_CALLS


def test_a_runner_has_the_errors_of_the_protocol_and_each_its_class() -> None:
    rows = re.findall(r"^\| (transient|throttled|conflict|permanent) \| (.*?) \|", PROTOCOL, re.MULTILINE)
    says = {code: kind for kind, codes in rows for code in re.findall(r"`([a-z_]+)`", codes)}
    source = (ROOT / "micro_runner" / "internal" / "fault" / "fault.go").read_text()
    codes = dict(re.findall(r'(\w+) +Code += "([a-z_]+)"', source))
    classes = dict(re.findall(r'(\w+) +Class += "([a-z]+)"', source))
    table = source[source.index("var classes") : source.index("// retryAfter")]
    of_code = dict(re.findall(r"(\w+): +(\w+)[,}]", table))
    assert {code: classes[of_code.get(name, "Permanent")] for name, code in codes.items()} == says
    assert set(classes.values()) == set(ErrorClass)
    # What is said to a person about a code is said about one that there is.
    assert advice._ADVICE.keys() <= says.keys() | {"refused"}


def test_the_words_of_a_runner_are_those_of_the_protocol() -> None:
    [events] = re.findall(r"something from a command under way: (.*) \|", PROTOCOL)
    assert set(re.findall(r"`([a-z]+)`", events)) == parsing._EVENTS
    [modes] = re.findall(r"`watch` is the best that it can do: (.*) \|", PROTOCOL)
    assert set(re.findall(r"`([a-z]+)`", modes)) == parsing._WATCHES
