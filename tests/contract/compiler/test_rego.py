"""What the compiler answers about Rego."""

import base64

POLICY = """\
package froyo.plan

deny contains msg if {
	some change in input.changes
	change.kind == "Package"
	msg := sprintf("no %s", [change.name])
}
"""
TESTS = """\
package froyo.plan_test

import data.froyo.plan

test_denied if {
	count(plan.deny) == 1 with input as {"changes": [{"kind": "Package", "name": "vim"}]}
}

test_wrong if {
	true
	count(plan.deny) == 2 with input as {"changes": []}
}

todo_test_later if {
	false
}

test_loud if {
	print("said", data.limit)
	data.limit == 3
}
"""


def ask(compiler, operation, files, **arguments):
    return compiler.ask(f"rego.{operation}", {"files": files, **arguments})


def test_policies_are_compiled_to_one_module_with_entry_points(compiler):
    answer = ask(compiler, "compile", {"plan.rego": POLICY}, entrypoints=["froyo/plan/deny", "froyo/plan"])
    assert answer["problems"] == []
    assert base64.b64decode(answer["wasm"]).startswith(b"\0asm")
    assert answer["entrypoints"] == ["froyo/plan/deny", "froyo/plan"]


def test_the_same_policies_give_the_same_module(compiler):
    files = {f"{name}.rego": POLICY.replace("plan", name) for name in "abc"}
    once, again = (
        ask(compiler, "compile", dict(order), entrypoints=["froyo/a/deny"])["wasm"]
        for order in (files.items(), reversed(files.items()))
    )
    assert once == again


def test_an_entry_point_that_is_not_there_is_said(compiler):
    answer = ask(compiler, "compile", {"plan.rego": POLICY}, entrypoints=["froyo/plan/dny"])
    assert "wasm" not in answer
    assert [one["message"] for one in answer["problems"]] == [
        'entrypoint "froyo/plan/dny" does not refer to a rule or policy decision'
    ]


def test_what_is_wrong_has_its_place(compiler):
    files = {"a.rego": POLICY.replace("change.kind", "chnge.kind"), "b.rego": "package b\n\nx := := 1\n"}
    parsed, *_ = ask(compiler, "check", files)["problems"]
    assert (parsed["file"], parsed["line"], parsed["column"]) == ("b.rego", 3, 6)
    del files["b.rego"]
    [unsafe] = ask(compiler, "check", files)["problems"]
    assert unsafe == {
        "message": "rego_unsafe_var_error: var chnge is unsafe",
        "file": "a.rego",
        "line": 5,
        "column": 2,
    }


def test_a_check_tells_what_may_be_asked_and_which_functions_are_called(compiler):
    answer = ask(compiler, "check", {"plan.rego": POLICY, "plan_test.rego": TESTS})
    assert answer["rules"]["froyo/plan/deny"] == {"file": "plan.rego", "line": 3, "column": 1}
    assert answer["builtins"]["sprintf"] == {"file": "plan.rego", "line": 6, "column": 9}


def test_no_function_reaches_out(compiler):
    for call in ('http.send({"method": "get", "url": "http://127.0.0.1"})', "opa.runtime()"):
        text = f"package a\n\nx := {call}\n"
        for operation, more in (("check", {}), ("compile", {"entrypoints": ["a/x"]}), ("test", {})):
            [problem] = ask(compiler, operation, {"a.rego": text}, **more)["problems"]
            assert problem["message"].startswith("rego_type_error: undefined function ")
            assert problem["line"] == 3


def test_functions_are_refused_that_are_not_there_where_it_is_evaluated(compiler):
    answer = ask(compiler, "check", {"plan.rego": POLICY}, refused=["sprintf"])
    assert [one["message"] for one in answer["problems"]] == ["rego_type_error: undefined function sprintf"]


def test_strictly_what_is_not_used_is_wrong(compiler):
    text = "package a\n\nimport data.b\n\nx := 1\n"
    assert ask(compiler, "check", {"a.rego": text})["problems"] == []
    [problem] = ask(compiler, "check", {"a.rego": text}, strict=True)["problems"]
    assert problem["message"] == "rego_compile_error: import data.b unused"


def test_tests_say_what_failed_where_and_what_was_printed(compiler):
    answer = ask(
        compiler, "test", {"plan.rego": POLICY, "plan_test.rego": TESTS}, data={"limit": 3}, coverage=True
    )
    assert [(one["name"], one["outcome"], one.get("failed")) for one in answer["results"]] == [
        ("test_denied", "passed", None),
        ("test_wrong", "failed", {"file": "plan_test.rego", "line": 11, "column": 2}),
        ("todo_test_later", "skipped", None),
        ("test_loud", "passed", None),
    ]
    assert answer["results"][3]["output"] == "said 3\n"
    assert {one["package"] for one in answer["results"]} == {"froyo.plan_test"}
    assert answer["coverage"]["files"]["plan.rego"]["percent"] == 100
    assert answer["coverage"]["files"]["plan_test.rego"]["not_covered"]


def test_some_tests_are_run_by_name(compiler):
    answer = ask(compiler, "test", {"plan.rego": POLICY, "plan_test.rego": TESTS}, run="denied$")
    assert [one["name"] for one in answer["results"]] == ["test_denied"]


def test_a_test_that_takes_too_long_is_broken_and_the_others_are_run(compiler):
    endless = "test_endless if {\n\tcount([1 | numbers.range(1, 100000)[_] > numbers.range(1, 100000)[_]]) == 0\n}\n"
    files = {"plan_test.rego": f"package a_test\n\n{endless}\ntest_well if 1 == 1\n"}
    answer = ask(compiler, "test", files, milliseconds=200)
    assert [(one["name"], one["outcome"]) for one in answer["results"]] == [
        ("test_endless", "broken"),
        ("test_well", "passed"),
    ]


def test_time_zones_are_known_without_a_file(compiler):
    text = (
        'package a_test\n\ntest_zone if time.clock([1730000000000000000, "Europe/Berlin"]) == [4, 33, 20]\n'
    )
    [one] = ask(compiler, "test", {"a_test.rego": text})["results"]
    assert one["outcome"] == "passed"


def test_it_is_formatted_as_opa_does(compiler):
    answer = ask(compiler, "format", {"a.rego": "package a\nx  :=  1", "b.rego": "package b\nx = 1 {\n"})
    assert answer["files"] == {"a.rego": "package a\n\nx := 1\n"}
    assert [one["file"] for one in answer["problems"]] == ["b.rego"]


def test_an_empty_file_is_no_policy(compiler):
    [problem] = ask(compiler, "check", {"a.rego": ""})["problems"]
    assert problem["file"] == "a.rego"
