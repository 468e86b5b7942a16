"""What others said in several lines."""

from reconciler.cli.show.messages import message_lines
from tests.unit.cli.screens import pipe


def test_a_line_with_a_mark_below_it_stays_one():
    """visudo's message was squeezed into one line, and its caret pointed at nothing."""
    said = "visudo refuses the new content (exit status 1); mend it:\n/etc/sudoers:1:9: syntax error\nops ALL\n\t^"
    assert message_lines(pipe(), said, indent="  ") == [
        "visudo refuses the new content (exit status 1); mend it:",
        "  │ /etc/sudoers:1:9: syntax error",
        "  │ ops ALL",
        "  │         ^",
    ]


def test_none_of_them_looks_like_a_line_of_ours():
    lines = message_lines(pipe(), "no:\nApplied: all of it\x1b[2J", indent="")
    assert lines == ["no:", "│ Applied: all of it␛[2J"]
