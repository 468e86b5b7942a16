"""Plans as people read them."""

from textwrap import dedent

from reconciler.cli.show.plans import Totals, plan_lines
from tests.unit.cli.screens import CONTENT, MODE, body, diff, pipe, plan, unit

PLANS = [
    plan(
        "web-1",
        unit("web-1/File/new", "create", "spec", [diff("state", "absent", "present")], declaredAt="a.yaml:3"),
        unit(
            "web-1/File/motd",
            "update",
            "drift",
            [CONTENT, MODE],
            declaredAt="site.yaml:12",
            subject="path:/etc/motd",
        ),
        unit("web-1/File/old", "delete", "spec", [diff("mode", "0644", None)]),
        unit("web-1/File/kept", "update", "adopt", [MODE], held="Held", heldBecause=""),
        unit(
            "web-1/File/lost", "create", "spec", [diff("mode", None, "0644")], fails="/srv/x does not exist"
        ),
        unit("web-1/File/same", "none", "spec"),
    ),
    plan("web-2", unit("web-2/File/same", "none", "spec")),
    plan(
        "web-3",
        errors={"web-3": "web-3: no route to host", "web-3/File/x": "no such user: bob"},
        declared_at={"web-3/File/x": "site.yaml:7"},
    ),
]


def test_a_plan_says_what_where_why_and_how():
    assert "\n".join(plan_lines(pipe(), PLANS)) == dedent("""\
        web-1
          + File/new               spec   a.yaml:3
              state  absent → present
          ↻ File/motd  /etc/motd   drift   site.yaml:12
              content  sha256:aaaaaaaaaaaa… (2 B) → sha256:bbbbbbbbbbbb… (6 B)
                @@ -1 +1 @@
                -x
                +hello
              mode     0600 → 0644
          - File/old               spec
              mode  0644 → absent
          ! File/kept              adopt
              held: was there before and differs; left as it is by adopt: hold
              mode  0600 → 0644
          ✘ File/lost              spec
              would fail: /srv/x does not exist
              mode  0644

        web-3
          ✘ no route to host
          ✘ File/x: no such user: bob   site.yaml:7
        """)


def test_what_is_the_same_on_several_targets_is_shown_once():
    """Three hosts printed the same block three times, and nobody read 350 lines."""
    plans = [
        plan(
            name,
            unit(f"{name}/File/motd", "update", "spec", [MODE]),
            unit(f"{name}/File/own", "update", "spec", [diff("mode", "0600", name)]),
            errors={f"{name}/File/x": "no such user: bob"},
        )
        for name in ("a", "b", "c")
    ]
    plans[2]["units"].pop()
    assert "\n".join(plan_lines(pipe(), plans)) == dedent("""\
        a, b, c
          ~ File/motd   spec
              mode  0600 → 0644
          ✘ File/x: no such user: bob

        a
          ~ File/own    spec
              mode  0600 → a

        b
          ~ File/own    spec
              mode  0600 → b
        """)


def test_what_a_person_should_know_of_what_is_in_sync_is_shown():
    shown = plan(
        "a",
        unit("a/Directory/srv", "none", "spec", remark="left alone: data"),
        unit("a/File/x", "none", "spec"),
    )
    assert "\n".join(plan_lines(pipe(), [shown])) == dedent("""\
        a
          ! Directory/srv   in sync
              left alone: data
        """)


def test_a_summary_is_a_line_a_change_and_says_of_what_would_fail_why():
    assert "\n".join(plan_lines(pipe(), PLANS, summary=True)) == dedent("""\
        web-1
          + File/new               spec   a.yaml:3
          ↻ File/motd  /etc/motd   drift   site.yaml:12
          - File/old               spec
          ! File/kept              adopt
          ✘ File/lost              spec
              would fail: /srv/x does not exist

        web-3
          ✘ no route to host
          ✘ File/x: no such user: bob   site.yaml:7
        """)


def test_what_is_in_sync_is_only_listed_when_more_is_to_be_said():
    assert not plan_lines(pipe(), PLANS[1:2])
    assert "File/same   in sync" in "\n".join(plan_lines(pipe(verbose=True), PLANS[1:2]))


def test_the_summary_counts_everything():
    totals = Totals.of(PLANS)
    assert (totals.changes, totals.held, totals.same, totals.errors) == (3, 1, 2, 2)
    assert totals.summary() == (
        "Plan: 1 to create, 1 to change, 1 to remove, 1 held, 2 in sync, 1 would fail,"
        " 2 could not be planned, on 3 targets"
    )


def test_what_a_directory_loses_is_counted():
    """A purge was summed up as nothing to remove."""
    gone = [diff("entries[a]", "file", None), diff("entries[b]", "directory", None)]
    spared = [diff("entries[c].mode", "0600", None), diff("entries[d]", "file", None, ignored=True)]
    held = unit("a/Directory/y", "update", "adopt", gone, held="adopt", heldBecause="…")
    changes = unit("a/Directory/x", "update", "drift", [*gone, *spared])
    assert "1 to change (removing 2 entries), 0 to remove" in Totals.of([plan("a", changes, held)]).summary()
    one = unit("a/Directory/x", "update", "drift", gone[:1])
    assert "(removing 1 entry)" in Totals.of([plan("a", one)]).summary()


def test_nothing_to_do_is_said_as_apply_says_it():
    plans = [plan("a", unit("a/File/x", "none")), plan("b", unit("b/File/x", "none"))]
    assert Totals.of(plans).summary() == "nothing to do: 2 instances on 2 targets are as declared"


def test_colours_mark_what_is_added_and_what_goes():
    text = "\n".join(plan_lines(pipe(colour=True), PLANS))
    assert "\033[32m+\033[0m" in text
    assert "\033[33m↻\033[0m" in text
    assert "\033[31m-\033[0m" in text
    assert "\033[31m-x\033[0m" in text
    assert "\033[32m+hello\033[0m" in text


def test_a_narrow_terminal_cuts_values_and_not_meaning():
    long = plan("a", unit("a/File/x", "update", "spec", [diff("to", "x" * 100, "y" * 100)]))
    lines = plan_lines(pipe(width=60), [long])
    assert "…" in lines[2]
    assert "→" in lines[2]
    assert max(len(line) for line in plan_lines(pipe(), [long])) > 200


def test_what_comes_from_elsewhere_moves_no_cursor():
    evil = unit("a/File/x\x1b[2J", "update", "spec", [diff("to\r", "a\x1b]0;x\x07", "b\nc")])
    text = "\n".join(plan_lines(pipe(), [plan("a\x1b", evil, errors={"a\x1b/File/y": "no\x1b[1A"})]))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\x07" not in text


def test_ignored_fields_and_other_values_are_shown():
    units = unit(
        "a/File/x",
        "update",
        "spec",
        [
            diff("mode", "1", "2", ignored=True),
            diff("purge", False, True),
            diff("list", None, [1, 2]),
            diff("content", None, body("c", 3)),
        ],
    )
    lines = [line.strip() for line in plan_lines(pipe(), [plan("a", units)])]
    assert "mode     1 → 2 (ignored)" in lines
    assert "purge    false → true" in lines
    assert "list     1, 2" in lines
    assert "content  sha256:cccccccccccc… (3 B)" in lines


def test_an_entry_that_is_made_says_so_and_a_field_that_is_set_does_not():
    made = unit(
        "a/Directory/x", "create", "spec", [diff("entries[b]", None, "file"), diff("mode", None, "0755")]
    )
    text = "\n".join(plan_lines(pipe(), [plan("a", made)]))
    assert "b     absent → file" in text
    assert "mode  0755" in text


def test_where_a_value_came_from_is_shown_to_who_asks_for_more():
    rendered = [
        {
            "field": "port",
            "written": "${vars.port + 1}",
            "value": 81,
            "reads": [read("vars.port", 80, "/a/v.yaml:3")],
        },
        {
            "field": "content",
            "written": "${target.name}",
            "body": True,
            "reads": [read("target.name", "web-1")],
        },
        {"field": "label", "written": "${vars}", "value": {"a": [1]}, "reads": []},
    ]
    plans = [plan("web-1", unit("web-1/File/a", rendered=rendered, diffs=[MODE]))]
    assert "vars.port" not in "\n".join(plan_lines(pipe(), plans))
    shown = "\n".join(plan_lines(pipe(verbose=True), plans))
    assert "      port     81  ← vars.port = 80 (/a/v.yaml:3)\n" in shown
    assert "      content  text  ← target.name = web-1\n" in shown
    assert "      label    a: 1" in shown


def read(name, value, declared_at=""):
    return {"name": name, "value": value, "declaredAt": declared_at}
