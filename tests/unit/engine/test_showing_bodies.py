"""What a plan shows of contents: those that are bodies of the source, and those that a provider composes itself."""

import hashlib

from reconciler.engine.round.planning import _shown
from reconciler.model.plan import FieldDiff


def side(text):
    return {"digest": "sha256:" + hashlib.sha256(text.encode()).hexdigest(), "size": len(text), "text": text}


def nowhere(digest):
    raise AssertionError(f"{digest} is no body")


def test_what_a_provider_composes_itself_is_shown_without_being_a_body():
    shown = _shown(FieldDiff("source", side("old\n"), side("new\n")), nowhere, hide=False)
    assert shown.unified == "@@ -1 +1 @@\n-old\n+new"
    assert [set(one) for one in (shown.before, shown.after)] == [{"digest", "size"}] * 2
    assert _shown(FieldDiff("source", None, side("new\n")), nowhere, hide=False).unified.endswith("+new")


def test_what_is_sensitive_is_not_shown_all_the_same():
    shown = _shown(FieldDiff("source", None, side("new\n")), nowhere, hide=True)
    assert "new" not in str(shown)


def test_what_stands_where_a_body_is_to_be_and_is_none_has_no_lines():
    shown = _shown(FieldDiff("s0", "directory", side("new\n")), nowhere, hide=False)
    assert (shown.before, shown.unified.splitlines()[-1]) == ("directory", "+new")
    assert _shown(FieldDiff("s0", side("old\n"), "gone"), nowhere, hide=False).unified.endswith("-old")
