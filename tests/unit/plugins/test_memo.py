from hypothesis import given
from hypothesis import strategies as st

from reconciler.plugins.memo import Memo, first_key, next_key
from reconciler.plugins.steps import Finished, Pending


def test_knows_what_it_was_told() -> None:
    memo = Memo()
    key = first_key("package", "read", "{}")
    assert memo.get(key) is None
    memo.put(key, Pending("[]", 7))
    assert memo.get(key) == Pending("[]", 7)
    assert (memo.hits, memo.misses) == (1, 1)


def test_keeps_the_first_answer() -> None:
    memo = Memo()
    memo.put(b"key", Finished("first"))
    memo.put(b"key", Finished("second"))
    assert memo.get(b"key") == Finished("first")


def test_forgets_what_was_not_used_for_longest() -> None:
    memo = Memo(max_bytes=4 * 310)
    for name in (b"a", b"b", b"c", b"d"):
        memo.put(name, Finished("x" * 10))
    memo.get(b"a")
    memo.put(b"e", Finished("x" * 10))
    assert [memo.get(name) is not None for name in (b"a", b"b", b"c", b"d", b"e")] == [
        True,
        False,
        True,
        True,
        True,
    ]


def test_does_not_give_up_everything_for_one_large_answer() -> None:
    memo = Memo(max_bytes=4000)
    memo.put(b"small", Finished("x"))
    memo.put(b"large", Finished("x" * 1000))
    assert memo.get(b"small") is not None
    assert memo.get(b"large") is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 500))))
def test_never_holds_more_than_its_bound(puts: list[tuple[int, int]]) -> None:
    memo = Memo(max_bytes=3000)
    for name, size in puts:
        memo.put(bytes([name]), Finished("x" * size))
    assert sum(len(step.text) + 300 for step in memo._steps.values()) == memo._bytes <= 3000


parts = st.lists(st.text(max_size=3), min_size=1, max_size=3)


@given(parts, parts)
def test_keys_are_equal_only_for_what_is_equal(one: list[str], other: list[str]) -> None:
    assert (first_key(*one) == first_key(*other)) is (one == other)


def test_replies_make_another_key() -> None:
    key = first_key("package")
    assert len({key, next_key(key, "[1]"), next_key(key, "[2]"), next_key(next_key(key, "[1]"), "[2]")}) == 4
