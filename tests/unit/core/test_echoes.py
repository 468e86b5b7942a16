"""What is declared changes what it is made of."""

from reconciler.core.echoes import Echoes


def test_pauses_grow_up_to_the_longest_and_one_quiet_time_ends_them():
    echoes = Echoes[str](free=1, first=100.0, longest=300.0, quiet=60.0)
    assert [echoes.heard("a", now=now) for now in (0.0, 0.0, 100.0, 300.0, 600.0)] == [
        0.0,
        100.0,
        200.0,
        300.0,
        300.0,
    ]
    assert echoes.heard("b", now=0.0) == 0.0
    assert echoes.heard("a", now=700.0) == echoes.pause("a", now=700.0) == 200.0
    assert echoes.heard("a", now=900.0 + 61.0) == echoes.pause("a", now=961.0) == 0.0


def test_the_first_pause_is_news():
    echoes = Echoes[str](free=2)
    told = []
    for now in (0.0, 0.0, 0.0, 1.0):
        echoes.heard("a", now=now)
        told.append(echoes.is_first("a"))
    assert told == [False, False, True, False]


def test_a_target_that_is_gone_is_forgotten():
    echoes = Echoes[str](free=1)
    echoes.heard("a", now=0.0)
    echoes.heard("b", now=0.0)
    echoes.keep_only(["b"])
    assert (echoes.heard("a", now=0.0), echoes.heard("b", now=0.0)) == (0.0, 1.0)
    assert not echoes.is_first("c")
