"""What policies say of changes, and that whatever goes wrong with them denies."""

import pytest

from reconciler.model.decisions import PolicyFinding
from reconciler.policy import shelf as shelves
from reconciler.policy.answers import findings
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.program import PolicyLimits
from reconciler.policy.rego import MOST_BYTES
from reconciler.policy.shelf import PolicyShelf
from tests.unit.policy.conftest import NOW, kept, written

CHANGE = {"address": "web-1/File/motd", "subject": "path:/etc/motd", "action": "update"}
RULES = """
package froyo.plan

deny contains {"msg": $"not {change.subject}", "address": change.address} if {
	some change in input.changes
	change.action == "delete"
}

deny contains "too much" if count(input.changes) > 2

require_approval contains {"msg": "ask ada", "address": change.address, "field": "mode"} if {
	some change in input.changes
	change.action == "update"
}

warn contains sprintf("%v, %s", [time.clock([time.now_ns(), "Europe/Berlin"]), input.time.rfc3339])
"""


def test_each_rule_says_its_part(asked):
    decision = asked(RULES, CHANGE, {**CHANGE, "address": "web-1/File/old", "action": "delete"})
    assert decision.deny == (PolicyFinding("not path:/etc/motd", "web-1/File/old"),)
    assert decision.ask == (PolicyFinding("ask ada", "web-1/File/motd", "mode"),)
    assert decision.warn == (PolicyFinding("[4, 30, 0], 2025-03-30T02:30:00.000Z"),)
    assert (decision.effect, decision.failed, decision.changes) == ("deny", "", 2)
    assert decision.document() == {
        "id": decision.id,
        "policies": "rules",
        "about": "web-1",
        "effect": "deny",
        "changes": 2,
        "deny": [{"message": "not path:/etc/motd", "about": "web-1/File/old"}],
        "requireApproval": [{"message": "ask ada", "about": "web-1/File/motd", "field": "mode"}],
        "warn": [{"message": "[4, 30, 0], 2025-03-30T02:30:00.000Z"}],
    }


def test_the_same_question_has_a_decision_with_the_same_id(asked):
    quiet = RULES.partition("warn")[0]
    one, other = asked(quiet, CHANGE), asked(quiet, CHANGE, now=NOW + 5)
    assert one.id == other.id
    assert one.id != asked(quiet, {**CHANGE, "action": "create"}).id
    assert asked(quiet, {**CHANGE, "action": "create"}).effect == "allow"


def test_where_nobody_knows_who_is_at_work_rules_about_that_deny(asked):
    """Such as where several controllers share the targets out: undefined, a rule would let everything pass."""
    rules = 'package froyo.plan\n\ndeny contains "one at a time" if count(input.at_work) > 0'
    assert asked(rules, CHANGE, at_work=[]).effect == "allow"
    decision = asked(rules, CHANGE)
    assert decision.effect == "deny"
    assert decision.failed.startswith("its rules ask for `at_work`, and where several controllers share")
    assert asked(RULES, CHANGE).failed == ""


def test_many_findings_are_all_known_and_some_are_shown(asked):
    changes = [{**CHANGE, "address": f"web-1/File/{n:04}", "action": "delete"} for n in range(60)]
    decision = asked(RULES, *changes)
    assert len(decision.deny) == 61
    assert (len(decision.document()["deny"]), decision.document()["more"]) == (50, True)


def test_more_than_that_are_about_everything(asked):
    changes = [{**CHANGE, "address": f"web-1/File/{n:04}", "action": "delete"} for n in range(1100)]
    decision = asked(RULES, *changes)
    assert decision.deny[-1] == PolicyFinding("and 101 more like these")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("package froyo.plan\ndeny := true", "`deny` is true or false, and has to be a set"),
        ("package froyo.plan\ndeny contains x if some x in", "they are wrong: p.rego:2:27"),
        (
            'package froyo.plans\ndeny contains "x"',
            "these policies govern nothing: their packages are froyo.plans",
        ),
        ('deny contains "x"', "these policies govern nothing: their packages are none"),
        ('package froyo.plan\ndenny contains "x"', "froyo.plan has none of the rules that are asked: deny"),
        (
            'package froyo.plan\nwarn contains "y"\ndenny contains "x"',
            "denny is none of the rules that are asked, and nobody calls it",
        ),
        ("package froyo.admission\n# deny contains\nx := 1", "froyo.admission has none of the rules"),
        ('package froyo.asked\ndeny contains "x"', "the package froyo.asked is froyo's own"),
        (
            'package froyo.plan\nwarn contains "x"\nviolation contains "x"',
            "p.rego:3:1: this rule decides nothing: froyo.plan.violation is neither asked for nor used",
        ),
        (
            'package froyo.plan\ndeny contains "x" if http.send({"method": "get", "url": "http://x"})',
            "p.rego:2:22: rego_type_error: undefined function http.send",
        ),
        (
            'package froyo.plan\ndeny contains "x" if rand.intn("x", 5) == 1',
            "p.rego:2:22: rand.intn cannot be called here",
        ),
        (
            'package froyo.plan\ndeny contains "x" if semver.compare(input.target.name, "1.0.0") == 1',
            "its rules could not decide: it broke down: builtin 'semver.compare'",
        ),
    ],
)
def test_what_is_wrong_denies_and_says_why(asked, text, why):
    decision = asked(text, CHANGE)
    assert decision.effect == "deny"
    assert why in decision.failed


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "it is undefined"),
        ({"deny": "no"}, "`deny` is a text, and has to be a set"),
        ({"deny": {"x": 1}}, "`deny` is an object, and has to be a set"),
        ({"warn": 5}, "`warn` is something else, and has to be a set"),
        ({"deny": [5]}, "an item of `deny` is neither a text nor an object"),
        ({"warn": [{"message": "x"}]}, "an item of `warn` is neither a text nor"),
        ({"deny": [{"msg": "x", "address": 5}]}, "that is no text"),
    ],
)
def test_an_answer_of_another_shape_is_none(answer, why):
    with pytest.raises(PolicyFailure, match=why):
        findings(answer)


def test_what_a_terminal_would_obey_is_no_part_of_a_message():
    [found] = findings({"deny": ["one\nreason\x1b[2J" + "x" * 1000]})["deny"]
    assert found.message.startswith("one reason␛[2Jxxx")
    assert len(found.message) == 500


def test_what_takes_too_long_is_stopped(compiler):
    """Nothing is allocated in it, so that it is time that runs out."""
    impatient = PolicyShelf(compiler, lambda: NOW, limits=PolicyLimits(seconds=0.05))
    text = """
    package froyo.plan
    deny contains "x" if {
        some a in input.changes
        some b in input.changes
        some c in input.changes
        a.n + b.n + c.n == -1
    }
    """
    from reconciler.policy.deciding import decide

    question = {"target": {"name": "web-1"}, "changes": [{"n": n} for n in range(1000)]}
    decision = decide(
        impatient, written(p=text), "plan", question, about="web-1", decisive=("changes",), now=NOW
    )
    impatient.close()
    assert "it took longer than 0.05 s, and was stopped" in decision.failed


def test_what_takes_too_much_memory_is_stopped_and_the_next_question_is_answered(asked):
    text = """
    package froyo.plan
    deny contains "x" if {
        input.target.name == "bomb"
        count([[a, b] | some a in numbers.range(1, 10000); some b in numbers.range(1, 10000)]) == 1
    }
    """
    assert "64 MiB of memory" in asked(text, CHANGE, target={"name": "bomb"}).failed
    assert asked(RULES, CHANGE).failed == ""
    # Whoever asks these again within a minute does not wait for the same.
    assert "64 MiB of memory" in asked(text, CHANGE).failed


def test_a_stack_that_is_too_deep_is_stopped(asked):
    text = """
    package froyo.plan
    deep := object.union(input, {}) if walk(input, [_, "never"])
    deny contains "x" if deep
    """
    nested = CHANGE
    for _ in range(50_000):
        nested = [nested]
    assert asked(text, nested).effect == "deny"


def test_a_question_may_be_so_large_and_no_larger(compiler):
    narrow = PolicyShelf(compiler, lambda: NOW, limits=PolicyLimits(input_mib=1))
    from reconciler.policy.deciding import decide

    question = {"target": {}, "changes": ["x" * 2_000_000]}
    decision = decide(narrow, written(p=RULES), "plan", question, about="x", decisive=("changes",), now=NOW)
    narrow.close()
    assert "what it would be asked is 1 MiB, and may be 1" in decision.failed


def test_policies_with_many_texts_can_be_loaded(asked):
    texts = ", ".join(f'"{n:05}-{"x" * 90}"' for n in range(3_000))
    decision = asked(f'package froyo.plan\ndeny contains "x" if input.target.name in {{{texts}}}', CHANGE)
    assert decision.failed == ""


def test_so_may_an_answer(compiler):
    from reconciler.policy.deciding import decide

    narrow = PolicyShelf(compiler, lambda: NOW, limits=PolicyLimits(answer_mib=1))
    text = 'package froyo.plan\ndeny contains {"msg": "x", "more": input.changes}'
    question = {"changes": ["x" * 2_000_000]}
    decision = decide(narrow, written(p=text), "plan", question, about="x", decisive=(), now=NOW)
    narrow.close()
    assert "it says more than 1 MiB" in decision.failed


def test_data_is_found_where_its_file_says(asked):
    text = """
    package froyo.plan
    deny contains data.limits.why if count(input.changes) > data.limits.most
    """
    files = {"data.yaml": "limits: {most: 0}\n", "more/data.json": '{"limits": {"why": "enough"}}'}
    assert asked(written(p=text, files=files), CHANGE).deny == (PolicyFinding("enough"),)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"data.yaml": "- 1\n"}, "data is one mapping"),
        ({"data.yaml": "a: [\n"}, "data.yaml:"),
        ({"data.yaml": "a: 1\n", "x/data.json": '{"a": 2}'}, "data.a is in another file, too"),
        ({"data.yaml": "a: {b: 1}\n", "x/data.json": '{"a": {"b": 2}}'}, "data.a.b is in another file, too"),
        ({"q.rego": b"package froyo.plan\n\xff"}, "it is no text in UTF-8"),
        ({"q.rego": "#" * (MOST_BYTES + 1)}, "policies and their data may have 4 MiB"),
    ],
)
def test_what_cannot_be_read_denies(asked, files, why):
    assert why in asked(written(p=RULES, files=files), CHANGE).failed


def test_tests_are_no_part_of_what_decides(asked):
    test = 'package froyo.plan\ndeny contains "from a test"\n'
    assert asked(written(p=RULES, files={"p_test.rego": test}), CHANGE).deny == ()


def test_a_stage_that_nobody_speaks_of_is_allowed(asked):
    assert asked(RULES, stage="admission", objects=[]).effect == "allow"


class Missing:
    """A froyo that was built without a compiler."""

    def __init__(self):
        from pathlib import Path

        self.binary = Path("/nowhere")
        self.asked = 0

    def ask(self, _operation, _arguments, *, seconds):
        from reconciler.config.compiler.faults import CompilerMissing

        self.asked += 1
        raise CompilerMissing("this froyo has no compiler")


def test_without_a_compiler_everything_is_denied_and_it_is_asked_again_after_a_while():
    from reconciler.policy.compiling import RegoCompiler
    from reconciler.policy.deciding import decide

    now, missing = [NOW], Missing()
    shelf = PolicyShelf(RegoCompiler(missing), lambda: now[0])

    def asked():
        return decide(shelf, written(p=RULES), "plan", {"changes": []}, about="x", decisive=(), now=now[0])

    assert "it cannot be compiled: this froyo has no compiler" in asked().failed
    asked()
    assert missing.asked == 1
    now[0] += shelves.AGAIN
    asked()
    assert missing.asked == 2


def test_what_moved_on_before_it_was_read_denies(shelf):
    from reconciler.model.source import SnapshotFile, SnapshotGone
    from reconciler.policy.deciding import decide

    def gone():
        raise SnapshotGone("p.rego is another one by now")

    files = written(p="package froyo.plan # gone")
    files.files["p.rego"] = SnapshotFile("p.rego", "sha256:1", 1, gone)
    decision = decide(shelf, files, "plan", {"changes": []}, about="x", decisive=(), now=NOW)
    assert "p.rego is another one by now" in decision.failed


def test_what_is_no_json_denies(shelf):
    from reconciler.policy.deciding import decide

    question = {"changes": [object()]}
    assert decide(shelf, written(p=RULES), "plan", question, about="x", decisive=(), now=NOW).failed


def test_only_so_many_are_kept_ready(compiler, monkeypatch):
    monkeypatch.setattr(shelves, "KEPT", 1)
    shelf = PolicyShelf(compiler, lambda: NOW)
    first = shelf.ready(written(p=RULES))
    shelf.ready(written(p=RULES, files={"data.json": "{}"}))
    assert shelf.ready(written(p=RULES)) is not first
    shelf.close()


def test_what_was_compiled_is_found_again(compiler, tmp_path):
    from reconciler.policy.compiling import RegoCompiler

    modules = {"p.rego": RULES}
    wasm = RegoCompiler(compiler._compiler, tmp_path / "kept").compile(modules)
    [found] = (tmp_path / "kept").iterdir()
    assert found.stat().st_mode & 0o777 == 0o600

    class Unasked(Missing):
        def __init__(self):
            self.binary, self.asked = compiler._compiler.binary, 0

    again = RegoCompiler(Unasked(), tmp_path / "kept")
    assert again.compile(modules) == wasm
    found.chmod(0o666)
    with pytest.raises(PolicyFailure):
        again.compile(modules)


def test_a_module_that_is_none_is_refused():
    from reconciler.policy.program import PolicyProgram

    with pytest.raises(PolicyFailure, match="it cannot be loaded"):
        PolicyProgram(b"\0asm", {})
    with pytest.raises(PolicyFailure, match="its data is 2 MiB"):
        PolicyProgram(b"", {"x": "y" * (2 << 20)}, PolicyLimits(input_mib=1))
    assert kept("x", "y").read() == b"y"


def test_rules_of_a_package_that_nobody_asks_deny_also_beside_some_that_are_asked(shelf):
    # Beside the starter set a rule in `package froyo.plans` compiled, was said to be valid, and denied nothing.
    asked = 'package froyo.plan\ndeny contains "x" if input.changes[0].action == "delete"'
    stray = 'package froyo.plans\ndeny contains "y"'
    [problem] = shelf.ready(written(a=asked, b=stray)).problems
    assert (problem.file, problem.line, problem.column) == ("b.rego", 1, 9)
    assert problem.message == "the rule deny is in package froyo.plans, which nobody asks"
    assert problem.hint == "did you mean froyo.plan?"
    [other] = shelf.ready(written(a=asked, b=stray.replace("froyo.plans", "rules"))).problems
    assert other.hint == "rules that decide are in froyo.admission or froyo.plan"
    lent = f"{asked}\ndeny contains why if some why in data.rules.deny\n"
    named = "denied contains 1\nwarn contains w if some w in denied\n"
    assert not shelf.ready(written(a=lent + named, b=stray.replace("froyo.plans", "rules"))).problems


def test_what_is_misspelt_is_told_and_not_what_follows_from_it(shelf):
    rule = "package froyo.plan\ndeny contains change.address if some change in {}.changes\n"
    [problem] = shelf.ready(written(p=rule.format("inptu"))).problems
    assert (problem.location, problem.hint) == ("p.rego:2:33", "did you mean 'input'?")
    [problem] = shelf.ready(written(p="package froyo.plan\ndeny contains change.address if 1 < 2\n")).problems
    assert problem.hint == ("nothing gives change a value: is it misspelt, or is `some change in …` missing?")


def test_a_rule_that_is_no_set_beside_some_that_are_is_the_one_that_is_told(shelf):
    files = {"a": 'package froyo.plan\ndeny contains "x"', "b": 'package froyo.plan\n\ndeny := "y" if 1 < 2'}
    [problem] = shelf.ready(written(**files)).problems
    assert problem.location == "b.rego:3:1"
    assert problem.message == "deny is a set elsewhere, and cannot be something else here"
