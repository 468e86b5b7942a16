"""A revision is the one that a person means, or none, and then the answer says which there are."""

import pytest

from reconciler.core.revisions import chosen
from reconciler.errors import UsageError
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import Revision


def kept(number, revision, *, source="/srv/site", digest=""):
    return Revision(
        number, SourceName(source), revision, Digest(f"sha256:{digest or revision}"), 1.0 * number, 3
    )


KEPT = [kept(1, "aaaa11"), kept(2, "aaaa22"), kept(3, "bbbb33"), kept(4, "aaaa11")]
OTHERS = [*KEPT, kept(5, "cccc44", source="/srv/other"), kept(6, "bbbb33", source="/srv/other")]


@pytest.mark.parametrize(
    ("written", "number"), [("aaaa22", 2), ("aaaa2", 2), ("bbbb", 3), ("aaaa1", 4), ("aaaa11", 4)]
)
def test_a_revision_is_named_in_full_or_by_a_beginning_that_no_other_one_has(written, number):
    assert chosen(written, KEPT).number == number


def test_a_short_name_is_a_name_where_it_is_all_of_it():
    assert chosen("r1", [kept(1, "r1"), kept(2, "r12")]).number == 1


@pytest.mark.parametrize(
    ("written", "number"), [("5f0c", 1), ("5f0c11", 1), ("main@sha1:5f", 1), ("sha1:81ab", 2)]
)
def test_a_commit_is_named_by_its_digits(written, number):
    commits = [kept(1, "main@sha1:5f0c11"), kept(2, "sha1:81ab22")]
    assert chosen(written, commits).number == number
    with pytest.raises(UsageError, match="was in force and is not kept any more"):
        chosen("9999", commits, former=["main@sha1:9999aa"])


def test_of_several_sources_one_is_named_or_only_one_has_it():
    assert chosen("cccc", OTHERS).source == "/srv/other"
    assert chosen("bbbb33", OTHERS, source="/srv/site").number == 3
    with pytest.raises(
        UsageError, match="bbbb is a revision of /srv/site, /srv/other; name one of them with --source"
    ):
        chosen("bbbb", OTHERS)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("aaaa", "aaaa may be any of aaaa11, aaaa22; write more of it"),
        (
            "aaa",
            "'aaa' is too short for the beginning of a revision: 4 characters; there is: aaaa11, bbbb33, aaaa22",
        ),
        ("dddd", "there is no revision dddd; there is: aaaa11, bbbb33, aaaa22; see: froyo get revisions"),
        ("eeee", "revision eeee55 was in force and is not kept any more; .* there is: aaaa11"),
    ],
)
def test_what_is_ambiguous_unknown_or_not_kept_any_more_is_said_with_what_there_is(written, says):
    with pytest.raises(UsageError, match=says):
        chosen(written, KEPT, former=["aaaa11", "eeee55"])


def test_what_there_is_has_an_end():
    many = [kept(number, f"{number:06}") for number in range(20)]
    with pytest.raises(UsageError) as refused:
        chosen("ffff", many)
    assert "there is: 000019, 000018, 000017" in str(refused.value)
    assert "000012 and more; see" in str(refused.value)
    assert "000011" not in str(refused.value)


def test_of_a_source_of_which_nothing_is_kept_nothing_can_be_had_back():
    with pytest.raises(UsageError, match="no revision is kept of a source /srv/sight; there is: /srv/site"):
        chosen("aaaa11", KEPT, source="/srv/sight")
    with pytest.raises(UsageError, match="no revision is kept of any source; there is: nothing yet"):
        chosen("aaaa11", [])
