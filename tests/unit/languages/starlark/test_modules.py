"""What a module of Starlark can say, and where it is told what is wrong with it."""

import pytest

from tests.unit.languages.starlark.worlds import HELPERS, made, ran, value, wrong

MOTD = 'file(name = "motd", target = "a", path = "/etc/motd", content = "hi")'


def main(*lines: str) -> str:
    return "\n    ".join(("def main(ctx):", *lines)) + "\n"


def test_a_helper_makes_an_object_of_its_kind() -> None:
    assert made(main(f"return {MOTD}")) == [
        {
            "apiVersion": "linux.froyo.dev/v1alpha1",
            "kind": "File",
            "metadata": {"name": "motd"},
            "spec": {"target": "a", "path": "/etc/motd", "content": "hi"},
        }
    ]


def test_what_is_none_is_left_out_and_lists_are_opened() -> None:
    assert made(main("return None")) == []
    found = made(
        main(
            f"return [None, [{MOTD}], ([{{'a': 1}}],), file(name = 'x', mode = None, labels = {{'a': 'b'}})]"
        )
    )
    assert [one.get("metadata") for one in found] == [
        {"name": "motd"},
        None,
        {"name": "x", "labels": {"a": "b"}},
    ]
    assert found[2]["spec"] == {}


def test_what_a_helper_made_can_be_changed() -> None:
    [found] = made(main(f"f = {MOTD}", "f['spec']['mode'] = '0644'", "return f"))
    assert found["spec"]["mode"] == "0644"


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        ("struct(a = 1, items = [2]).items", [2]),
        ("struct(a = 1)", {"a": 1}),
        ("struct(a = struct(b = (1, 2)))", {"a": {"b": [1, 2]}}),
        ("type(struct())", "struct"),
        ("str(struct(b = 'x', a = 1))", 'struct(a = 1, b = "x")'),
        ("str('x') + repr('x')", 'x"x"'),
        ("hasattr(struct(a = 1), 'a') and not hasattr(struct(), 'keys') and hasattr({}, 'keys')", True),
        ("[getattr(struct(a = 1), 'a'), getattr(struct(), 'a', 2), getattr({'b': 3}, 'b')]", [1, 2, 3]),
        ("dir(struct(b = 1, a = 2))", ["a", "b"]),
        ("struct(a = 1) == struct(a = 1)", True),
        ("{'a': {'b': 1}}.a.b", 1),
        ("{'keys': 1}.keys()", ["keys"]),
        ("'a-b'.upper().split('-')", ["A", "B"]),
        ("[x.name for x in [struct(name = 'n')]]", ["n"]),
        ("(lambda x: x.a)(struct(a = 1))", 1),
        (
            "json.encode({'b': [1, 2.5, None, True], 'a': struct(c = 'ä')})",
            '{"a":{"c":"ä"},"b":[1,2.5,null,true]}',
        ),
        ("json.decode('{\"a\": [1, 2.0, null]}')", {"a": [1, 2.0, None]}),
        ("json.decode('nonsense', 7)", 7),
        ("json.encode_indent([1], indent = '  ')", "[\n  1\n]"),
        ("json.indent('{\"a\":1}', prefix = '>', indent = ' ')", '{\n> "a": 1\n>}'),
        ("sorted(set([2, 1, 2]))", [1, 2]),
    ],
)
def test_what_there_is_besides_the_language(expression: str, given: object) -> None:
    assert value(expression) == given


def test_names_of_a_module_go_before_those_that_there_are() -> None:
    text = """\
def type(x):
    return "mine"

def main(ctx):
    file = "a"
    return {"type": type(1), "file": file, "in": [str for str in ["s"]], "struct": (lambda struct: struct)(1)}
"""
    assert made(text) == [{"type": "mine", "file": "a", "in": ["s"], "struct": 1}]


def test_modules_load_what_others_define() -> None:
    files = {
        "main.star": 'load("//lib/web.star", "site", other = "port")\n'
        'load(\n    ":near.star",  # here\n    "near",\n)\n'
        + main("return [site(t) for t in ctx.targets] + [near(other)]"),
        "lib/web.star": 'load("deep/base.star", "base")\nport = 80\n_private = "/srv/"\n'
        "def site(t):\n    return base(t.name, _private + t.name)\n",
        "lib/deep/base.star": "def base(name, path):\n    return file(name = name, path = path)\n",
        "near.star": "def near(port):\n    return {'port': port}\n",
    }
    found = made(files)
    assert [one.get("spec", one) for one in found] == [{"path": "/srv/a"}, {"path": "/srv/b"}, {"port": 80}]
    assert ran(files).read == ["lib/deep/base.star", "lib/web.star", "near.star", "main.star"]


def test_two_modules_may_have_one_name_for_different_things() -> None:
    files = {
        "main.star": 'load("a.star", a = "f")\nload("b.star", b = "f")\ndef f():\n    return 3\n'
        + main("return {'found': [a(), b(), f()]}"),
        "a.star": "x = 1\ndef f():\n    return x\n",
        "b.star": "x = 2\ndef f():\n    return x\n",
    }
    assert made(files) == [{"found": [1, 2, 3]}]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"main.star": 'load("//no.star", "x")\n'}, "main.star:1:6: there is no no.star in this source"),
        (
            {"main.star": 'load("//lib.str", "x")\n'},
            "main.star:1:6: '//lib.str' is not called *.star (name a module of Starlark)",
        ),
        (
            {"main.star": 'load("../x.star", "x")\n'},
            "main.star:1:6: '../x.star' leads out of the source's root (put the file below the root)",
        ),
        (
            {"main.star": 'load("@rules//x.star", "x")\n'},
            "main.star:1:6: '@rules//x.star' is no file of this source (write \"//lib/web.star\", from its root)",
        ),
        (
            {"main.star": 'load("/etc/x.star", "x")\n'},
            "main.star:1:6: '/etc/x.star' is no file of this source (write \"//lib/web.star\", from its root)",
        ),
        (
            {"main.star": 'load("lib.star", "sit")\n', "lib.star": "def site(): pass\n"},
            "main.star:1:18: lib.star has no sit (did you mean 'site'?)",
        ),
        (
            {"main.star": 'load("lib.star", "_x")\n', "lib.star": "_x = 1\n"},
            "main.star:1:18: _x begins with _, and so is for its own module alone",
        ),
        (
            {"main.star": 'load("lib.star", "x")\nx = 1\n', "lib.star": "x = 1\n"},
            "main.star:1:18: x is there already (load it by another name)",
        ),
        (
            {"main.star": 'load("lib.star")\n', "lib.star": ""},
            "main.star:1:5: load statement must import at least 1 symbol",
        ),
        (
            {"main.star": "x = 'l'\nload(x, 'y')\n"},
            "main.star:2:7: first operand of load statement must be a string literal",
        ),
        (
            {
                "main.star": 'load("a.star", "a")\n',
                "a.star": 'load("b.star", "b")\n',
                "b.star": 'load("a.star", "a")\n',
            },
            "b.star:1:6: modules load each other: a.star loads b.star loads a.star (put what both need into a third)",
        ),
        (
            {"main.star": 'load("a.star", "a")\n', "a.star": "a = 1\nb = c\n"},
            "a.star:2:5: undefined: c",
        ),
        (
            {"main.star": "def f():\n    load('a.star', 'a')\n"},
            "main.star:2:5: load statement within a function",
        ),
    ],
)
def test_what_is_wrong_with_loading_is_said_at_the_statement(files: dict[str, str], said: str) -> None:
    modules = {**files, "main.star": files["main.star"] + main("return None")}
    assert wrong(modules)[0].startswith(said)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["return fil(name = 'x')"], "main.star:2:12: undefined: fil (did you mean 'file'?)"),
        (
            ["return file(name = 'x', pth = '/a')"],
            "main.star:2:29: file() has no argument pth (did you mean 'path'?)",
        ),
        (
            ["return file('x')"],
            "main.star:2:12: file() takes names with values: file(name = ..., target = ...)",
        ),
        (
            ["return struct(port = 1).prt"],
            "main.star:2:28: this struct has no field prt (did you mean 'port'?)",
        ),
        (
            ["return 'é' + struct(port = 1).nothing"],
            "main.star:2:34: this struct has no field nothing (there are port)",
        ),
        (
            ["return ctx.targets[0].facts.os"],
            "main.star:2:32: None has no field os (what is known of a target may be nothing yet: [… for t in",
        ),
        (["return 1 // 0"], "main.star:2:14: floored division by zero"),
        (["fail('no', 1)"], "main.star:2:9: no 1"),
        (["ctx.targets.append(1)"], "main.star:2:23: append: cannot append to frozen list (make a new one"),
        (["ctx.x = 1"], "main.star:2:8: a field cannot be set: .x (make another struct, or use a dict)"),
        (
            ["while True:", "    pass"],
            "main.star:2:5: this Starlark dialect does not support while loops (for turn",
        ),
        (
            ["return f'{ctx}'"],
            "main.star:2:20: got string literal, want newline (Starlark is not all of Python",
        ),
        (
            ["return 1"],
            "main.star:1:1: main() gives objects, lists of them, or None, and not a value of the type int: 1",
        ),
        (
            ["return struct()"],
            "main.star:1:1: main() gives objects, lists of them, or None, and not a value of the type s",
        ),
        (["return {1: 2}"], "main.star:1:1: a key of what is declared is text, and not int: 1"),
        (
            ["return {'a': len}"],
            "main.star:1:1: a value of what is declared cannot be of the type builtin_function",
        ),
        (["return {'a': ['b\\0']}"], "main.star:1:1: a NUL character cannot stand in a text"),
        (
            ["return {'a': 'b\\0'}"],
            'main.star:1:1: a NUL character cannot stand in a text: it is in the value of "a"',
        ),
        (
            ["return {'a': 'é'[:1]}"],
            "main.star:1:1: a text that it makes is not UTF-8: it was cut within a character",
        ),
        (["return {'a': 1 << 63}"], "main.star:1:1: a whole number of more than 64 bits cannot be declared"),
        (["return {'a': [float('nan')]}"], "main.star:1:1: nan is no number that can be declared"),
        (["return {'a': float('inf')}"], "main.star:1:1: +inf is no number that can be declared"),
        (
            ["x = []", "x.append(x)", "return x"],
            "main.star:1:1: lists of objects are nested more than 60 levels deep",
        ),
        (
            ["x = {}", "x['x'] = x", "return x"],
            "main.star:1:1: a value is nested more than 60 levels deep, or holds its",
        ),
        (["return json.decode('[')"], "main.star:2:23: json.decode(): Expecting value"),
        (
            ["return json.decode(1)"],
            "main.star:2:23: json.decode() takes text, and not a value of the type int",
        ),
        (["return json.decode('[' * 100000)"], "main.star:2:23: json.decode(): it is nested too deeply"),
        (
            ["return json.encode(len)"],
            "main.star:2:23: a value of what is declared cannot be of the type builtin_func",
        ),
        (["return struct(1)"], "main.star:2:18: struct() takes names with values: struct(port = 80)"),
        (["return (", "    [1]", "    .foo", ")"], "main.star:4:9: list has no .foo field or method"),
        (["return {'a': 1}.b"], 'main.star:2:20: dict has no .b field or method (d.get("key") gives None'),
        (["[print('x') for x in range(20000)]"], "main.star:2:6: it prints more than 10,000 lines"),
        (["return [{'a': 1}] * 200001"], "main.star:1:1: it makes more than 200000 objects"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_the_program(lines: list[str], said: str) -> None:
    assert wrong(main(*lines))[0].startswith(said)


def test_what_is_wrong_with_an_object_is_said_where_a_helper_made_it() -> None:
    text = "def one():\n    return file(\n        name = 'x',\n        content = len,\n    )\n" + main(
        "return one()"
    )
    [problem] = wrong(text)
    assert problem.startswith("main.star:2:12: a value of what is declared cannot be of the type builtin")


def test_who_called_is_told() -> None:
    files = {
        "main.star": 'load("lib.star", "f")\n' + main("return [f(x) for x in [0]]"),
        "lib.star": "def g(x):\n    return 1 // x\n\ndef f(x):\n    return g(x)\n",
    }
    assert wrong(files) == [
        "lib.star:2:14: floored division by zero; called at lib.star:5:13 in f, main.star:3:14 in main"
    ]
    assert "called recursively" in wrong("def f():\n    return f()\n" + main("return f()"))[0]
    many = "def f0():\n    return 1 // 0\n" + "".join(
        f"def f{n}():\n    return f{n - 1}()\n" for n in range(1, 20)
    )
    assert wrong(many + main("return f19()"))[0].endswith(", 12 more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [1,\n", "main.star:2:1: got end of file, want ']'"),
        (
            "class x: pass\n",
            "main.star:1:6: got illegal token, want primary expression (Starlark is not all of",
        ),
        ("def main(ctx):\n\treturn 1\n        return 2\n", "main.star:3:1: "),
        (
            "x = 0644\n",
            'main.star:1:9: obsolete form of octal literal; use 0o644 (permissions are a text: "0644")',
        ),
        (
            "f(a: 1)\n",
            "main.star:1:5: got ':', want ',' (name: value is for dicts; an argument is name = value)",
        ),
        ('x = f"{y}"\n', "main.star:1:11: got string literal, want newline (Starlark is not all of"),
        ('x = [f"{y}"]\n', "main.star:1:12: got string literal, want ']' (Starlark is not all of"),
        (
            "def main(ctx):\n    x = [ctx]\n",
            "main.star:1:1: main returns nothing, so that nothing is declared (return [...]; where",
        ),
        ("def main(ctx):\n    def f(): return 1\n    return\n", "main.star:1:1: main returns nothing"),
        ("froyo__x = 1\ndef main(ctx): pass\n", "main.star:1:1: no name begins with froyo__"),
        ("def main(): pass\n", "main.star:1:1: main takes one argument (def main(ctx):)"),
        ("def main(a, b): pass\n", "main.star:1:1: main takes one argument (def main(ctx):)"),
        ("x = 1\n", "main.star:1:1: it defines no main(ctx)"),
        ("x = 1\nx = 2\ndef main(ctx): pass\n", "main.star:2:1: cannot reassign global x"),
        ("for x in []: pass\ndef main(ctx): pass\n", "main.star:1:1: for loop not within a function"),
        ("x = " + "(" * 5000 + "1" + ")" * 5000, "main.star:1:205: too many nested parentheses"),
        ("x = " + "+".join(["1"] * 100_000), "main.star:1:1: it is nested too deeply to be read"),
    ],
)
def test_what_is_no_module_is_said(text: str, said: str) -> None:
    assert wrong(text)[0].startswith(said)


def test_modules_may_be_loaded_from_so_many_and_no_more() -> None:
    files = {f"m{n}.star": f"load('m{n + 1}.star', x{n} = 'y')\ny = 1\n" for n in range(300)}
    files |= {"m300.star": "y = 1\n", "main.star": "load('m0.star', 'y')\n" + main("return None")}
    assert wrong(files) == ["m200.star:1:6: modules load each other more than 200 deep"]


def test_every_undefined_name_is_told() -> None:
    assert len(wrong(main("return [aa, bb]"))) == 2


def test_a_default_of_main_and_all_of_its_arguments_are_fine() -> None:
    assert made("def main(ctx, more = 1):\n    return {'more': more}\n") == [{"more": 1}]
    assert made("def main(*args):\n    return {'count': len(args)}\n") == [{"count": 1}]


def test_what_is_printed_is_told_with_its_place_and_bounded() -> None:
    outcome = ran(main("print('a', 1, struct(b = 2), sep = '-')", "print('x' * 1000)", "return None"))
    assert outcome.printed[0] == ("main.star", 2, 5, "a-1-struct(b = 2)")
    assert outcome.printed[1][3] == "x" * 500 + "…"
    outcome = ran(main("[print(x) for x in range(150)]", "return None"))
    assert len(outcome.printed) == 101
    assert outcome.printed[-1][3] == "and 50 lines more, which are not shown"


def test_what_a_program_asks_for_is_known_before_it_is_evaluated() -> None:
    from reconciler.languages.starlark.worker.session import StarlarkSession

    def asks(text: str) -> set[str]:
        return StarlarkSession({"main.star": text}, {}, {"os", "network"}).asks("main.star")

    assert asks(main("return None")) == set()
    assert asks(main("return ctx.settings['a']")) == {"settings"}
    assert asks(main("return [t.vars for t in ctx.targets]")) == {"targets", "vars"}
    assert asks(main("return [t.facts.os.id for t in ctx.targets]")) == {"targets", "facts.os"}
    assert asks(main("return [t.facts for t in ctx.targets]")) == {"targets", "facts.os", "facts.network"}
    assert asks(main("return getattr(ctx, 'revision') + ctx.source")) == {"revision", "source"}


def test_where_arguments_of_a_helper_stand_is_known() -> None:
    from reconciler.languages.starlark.worker.session import StarlarkSession

    text = main("return file(", "    name = 'é', labels = {'a': ['b',", "    1]},", ")")
    session = StarlarkSession({"main.star": text}, HELPERS, ())
    session.asks("main.star")
    session.write(["main.star"])
    [(path, site)] = session.sites
    assert (path, site.place) == ("main.star", (2, 12))
    assert site.keys == {"name": (3, 9), "labels": (3, 21)}
    assert site.arguments["labels"] == {
        (): (3, 30),
        ("a",): (3, 36),
        ("a", 0): (3, 37),
        ("a", 1): (4, 9),
    }


def test_places_are_those_that_people_wrote() -> None:
    text = main(
        "s = struct(a = struct(b = 1))",
        "return [1, s.a.b, 'é' + s.a.b, (s",
        "  # so",
        "  .a . # or so",
        "  c)]",
    )
    assert wrong(text) == ["main.star:3:27: unknown binary op: string + int"]
    text = main("s = struct(a = struct(b = 1))", "return [(s", "  # so", "  .a . # or so", "  c)]")
    assert wrong(text)[0].startswith("main.star:5:10: this struct has no field c")
