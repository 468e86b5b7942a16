"""Values of secrets: marks in their place for everybody but the target that they are for."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.bodies import blob
from reconciler.core.vault import TargetSecrets, Vault, nothing_read
from reconciler.model.names import TargetName
from reconciler.model.secrets import BEGIN, MARK, Secret, SecretError, marks_in

VALUE = "correct horse/battery+staple"
WEB = TargetName("web-1")


def vault(**files: str) -> Vault:
    return Vault(lambda secret: files[secret.file], lambda: b"k" * 32)


def granted(value: str = VALUE, *, body: str = "", names: tuple[str, ...] = ()) -> tuple[TargetSecrets, str]:
    """What a target may have that has one secret, and its mark, for which `@` stands in the body."""
    made = vault(db=value)
    mark = made.mark(Secret("db"))
    found = made.body(blob(body.replace("@", mark).encode())) if body else None
    made.grant(WEB, [mark], names=names, blob=found)
    secrets = made.of(WEB)
    assert secrets is not None
    return secrets, mark


def sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_mark_says_nothing_without_the_key_and_is_the_same_with_it():
    one, other = vault(a=VALUE, b=VALUE), Vault(lambda _: VALUE, lambda: b"x" * 32)
    assert one.mark(Secret("a")) == one.mark(Secret("b")) != other.mark(Secret("a"))
    assert MARK.fullmatch(one.mark(Secret("a")))
    assert hashlib.sha256(VALUE.encode()).hexdigest()[:32] not in one.mark(Secret("a"))


def test_the_key_is_had_with_the_first_secret_and_not_before():
    asked = []
    made = Vault(lambda _: VALUE, lambda: asked.append(1) or b"k" * 32)
    assert not asked
    made.mark(Secret("a"))
    made.mark(Secret("b"))
    assert asked == [1]


@pytest.mark.parametrize(
    ("value", "message"), [("short", "holds 5 characters"), (f"{BEGIN}abcdefgh", "stands for secrets")]
)
def test_what_could_not_be_told_from_other_text_is_no_secret(value, message):
    with pytest.raises(SecretError, match=message):
        vault(a=value).mark(Secret("a"))


def test_without_a_reader_no_secret_can_be_had():
    with pytest.raises(SecretError, match="is not read here"):
        nothing_read(Secret("a"))


def test_marks_are_found_at_any_depth():
    _, mark = granted()
    assert marks_in({"a": [f"x{mark}y", 1, None], mark: ("b",)}) == {mark}
    assert marks_in({"a": [True, "[secret:no]"]}) == frozenset()


def test_a_value_is_revealed_for_comparing_and_what_only_looks_like_a_mark_stays():
    made = vault(a=VALUE)
    mark, strange = made.mark(Secret("a")), f"{BEGIN}{'0' * 32}]"
    assert made.revealed({"a": [f"<{mark}>", 1], strange: None}) == {"a": [f"<{VALUE}>", 1], strange: None}


def test_a_body_says_what_it_is_on_a_target_where_it_holds_a_secret():
    made = vault(a=VALUE)
    plain = blob(b"hello")
    assert made.body(plain) is plain
    found = made.body(blob(f"p = {made.mark(Secret('a'))}\n".encode()))
    assert (found.revealed, found.size) == (sha256(f"p = {VALUE}\n"), len(f"p = {VALUE}\n"))
    assert sha256(f"p = {VALUE}\n") not in repr(found)


def test_what_a_target_may_have_it_may_have_again():
    secrets, mark = granted(body="p = @\n")
    secrets.add({mark: VALUE}, ["/etc/db"], None)
    assert secrets.revealed({"text": mark}) == {"text": VALUE}
    assert secrets.sealed({"path": "/etc/db"}, sha256("x")) != sha256("x")


def test_most_targets_have_no_secrets():
    assert vault().of(WEB) is None


# --- To the target ------------------------------------------------------------------------------------------


def test_what_is_sent_has_the_value_and_the_digest_of_what_it_really_is():
    secrets, mark = granted(body="p = @\n")
    marked, real = sha256(f"p = {mark}\n"), sha256(f"p = {VALUE}\n")
    item = {"path": "/etc/db", "blob": marked, "env": {"PW": f"a{mark}"}, "n": 1}
    assert secrets.revealed(item) == {"path": "/etc/db", "blob": real, "env": {"PW": f"a{VALUE}"}, "n": 1}


def test_a_body_is_sent_as_it_is_there_and_any_other_as_it_stands():
    secrets, mark = granted(body="p = @\n")
    sent = secrets.body(blob(f"p = {mark}\n".encode()))
    assert (sent.digest, sent.read()) == (sha256(f"p = {VALUE}\n"), f"p = {VALUE}\n".encode())
    other = blob(b"hello")
    assert secrets.body(other) is other


@pytest.mark.parametrize("field", ["argv", "validate", "path"])
def test_a_secret_is_not_sent_where_others_see_it(field):
    secrets, mark = granted()
    with pytest.raises(SecretError, match=f"{field} holds a secret, and others see it there") as caught:
        secrets.revealed({field: ["echo", mark]})
    assert VALUE not in str(caught.value)


def test_a_target_is_not_given_what_is_declared_for_another():
    made = vault(a=VALUE, b="another one entirely")
    mine, theirs = made.mark(Secret("a")), made.mark(Secret("b"))
    made.grant(WEB, [mine], names=(), blob=None)
    secrets = made.of(WEB)
    assert secrets is not None
    with pytest.raises(SecretError, match="not known any more"):
        secrets.revealed({"text": theirs})


# --- From the target ----------------------------------------------------------------------------------------


def test_what_has_nothing_to_do_with_a_secret_is_heard_as_it_was_said():
    secrets, _ = granted(names=("/etc/db",))
    said = {"digest": sha256("hello"), "text": "hello"}
    assert secrets.sealed({"path": "/etc/motd"}, said) is said


def test_the_content_that_is_declared_has_the_digest_by_which_it_is_known_here():
    secrets, mark = granted(body="p = @\n", names=("/etc/db",))
    real, marked = sha256(f"p = {VALUE}\n"), sha256(f"p = {mark}\n")
    said = {"digest": real, "size": 3, "type": "file"}
    assert secrets.sealed({"path": "/etc/db"}, said) == {"digest": marked, "size": 3, "type": "file"}
    # Also where a question is about something else, such as a directory above it.
    assert secrets.sealed({"path": "/etc"}, [real, sha256("x")]) == [marked, sha256("x")]


def test_another_content_where_a_secret_belongs_has_a_digest_with_a_key_and_is_asked_for_by_its_own():
    secrets, _ = granted(body="p = @\n", names=("/etc/db",))
    before = sha256("p = the secret of yesterday\n")
    keyed = secrets.sealed({"path": "/etc/db"}, {"state": before})["state"]
    assert keyed != before
    assert keyed == secrets.sealed({"path": "/etc/db"}, {"state": before})["state"]
    assert secrets.revealed({"path": "/etc/db", "expect": keyed})["expect"] == before


def test_a_digest_within_what_is_said_is_the_one_by_which_a_content_is_known_here():
    """Who has an error quoted must not be able to try which secret it is about."""
    secrets, mark = granted(body="password = @", names=("/etc/app",))
    real, known = sha256(f"password = {VALUE}"), sha256(f"password = {mark}")
    assert secrets.sealed({}, f"the body {real} is not here") == f"the body {known} is not here"
    other = sha256("password = 12345678")
    said = secrets.sealed({"path": "/etc/app"}, {"stderr": f"{other} differs"})["stderr"]
    assert other not in said
    assert said.endswith(" differs")
    assert secrets.sealed({"path": "/etc/motd"}, f"{other} differs") == f"{other} differs"


def test_what_was_seen_is_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr("reconciler.core.vault._REMEMBERED", 2)
    secrets, _ = granted(names=("/etc/db",))
    first, *_, last = [secrets.sealed({"path": "/etc/db"}, sha256(str(one))) for one in range(3)]
    assert secrets.revealed({"expect": last})["expect"] == sha256("2")
    assert secrets.revealed({"expect": first})["expect"] == first


def test_a_secret_in_what_is_said_is_a_mark_and_in_any_other_spelling_masked():
    secrets, mark = granted()
    assert secrets.sealed({}, f"denied for {VALUE}!") == f"denied for {mark}!"
    for spelled in (quote(VALUE), VALUE.encode().hex(), json.dumps(VALUE)[1:-1]):
        assert VALUE not in secrets.sealed({}, f"x {spelled} y")
        assert spelled not in secrets.sealed({}, f"x {spelled} y")


def test_what_a_program_has_said_stays_base64():
    secrets, mark = granted()
    said = base64.b64encode(f"login: {VALUE}\n".encode()).decode()
    found = secrets.sealed({}, {"stdout": said, "exit": 0})
    assert base64.b64decode(found["stdout"]).decode() == f"login: {mark}\n"
    assert found["exit"] == 0


def test_what_is_cut_off_in_the_middle_of_a_secret_does_not_tell_its_beginning():
    secrets, _ = granted()

    def heard(text, **more):
        said = {"stdout": base64.b64encode(text.encode()).decode(), **more}
        return base64.b64decode(secrets.sealed({}, said)["stdout"]).decode()

    assert heard(f"it is {VALUE[:-1]}", truncated=True) == "it is [redacted]"
    assert heard(f"it is {VALUE[:4]}", truncated=True) == "it is [redacted]"
    assert heard(f"it is {VALUE[:3]}", truncated=True) == f"it is {VALUE[:3]}"
    assert heard(f"it is {VALUE[:4]}", truncated=False) == f"it is {VALUE[:4]}"


def test_a_secret_that_looks_like_base64_is_a_mark_all_the_same():
    secrets, mark = granted("deadbeefdeadbeef")
    assert secrets.sealed({}, ["deadbeefdeadbeef", "AAAA"]) == [mark, "AAAA"]


def test_a_mark_that_a_target_says_means_nothing():
    secrets, mark = granted()
    said = secrets.sealed({}, f"give me {mark}")
    assert not marks_in(said)
    assert secrets.revealed({"text": said}) == {"text": said}


@given(
    value=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8).filter(
        lambda one: one.strip() == one
    ),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_no_secret_comes_through_whatever_is_around_it(value, before, after):
    if BEGIN in value:
        return
    secrets, _ = granted(value)
    said = {
        "text": before + value + after,
        "out": base64.b64encode((before + value + after).encode(errors="surrogatepass")).decode(),
    }
    found = secrets.sealed({}, said)
    left = MARK.sub("", found["text"])
    assert value not in left
    assert value not in MARK.sub("", base64.b64decode(found["out"]).decode(errors="surrogateescape"))
