"""What is ours and is declared no longer: whether it may go, and whether a person is asked first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.prune import Budget, holds, is_protected, unselected, why_left
from reconciler.model.resource import Deletion, Policy
from tests.unit.core.instances import make_instance

DELETE = Deletion.DELETE


def gone(path="/opt/app/config", *, spec=None, **common):
    one = make_instance("File/a", path)
    fields = {"deletion": DELETE, **common}
    return replace(one, common=replace(one.common, **fields), spec={**one.spec, **(spec or {})})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *[
            (path, True)
            for path in ("/", "/etc", "/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/ssh/sshd_config")
        ],
        *[
            (path, True)
            for path in ("/root/.ssh/authorized_keys", "/home/ada/.ssh", "/usr/bin", "/var/lib", "/lib64")
        ],
        *[
            (path, True)
            for path in ("/etc/systemd/system/froyo.service", "/boot/grub/grub.cfg", "/etc/pam.d/sshd")
        ],
        *[(path, False) for path in ("/etc/motd", "/etc/sudoers.d/ada", "/usr/local/bin/x", "/var/lib/app")],
        *[(path, False) for path in ("/home/ada/notes", "/srv/www", "/etc/systemd/system/app.service")],
    ],
)
def test_what_a_system_lives_on_is_protected(path, expected):
    assert is_protected(path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/srv/site", True), ("/srv/site/a.yaml", True), ("/srv", True), ("/srv/site2", False), ("/opt", True)],
)
def test_so_is_what_the_controller_itself_lives_on_where_it_runs(path, expected):
    assert is_protected(path, ["/srv/site"]) is expected


@pytest.mark.parametrize(
    ("one", "created", "replaced", "why"),
    [
        (gone(), True, False, None),
        (gone(), False, True, None),
        (gone(deletion=Deletion.CONFIRM), True, False, None),
        (gone(deletion=Deletion.ORPHAN), True, False, "its deletion is orphan"),
        (gone(policy=Policy.OBSERVE), True, False, "its policy is observe"),
        (gone(spec={"state": "absent"}), True, False, "it was declared absent, and is"),
        (gone(), False, False, "it was there before us"),
        (replace(gone(), made_here=True), False, False, None),
    ],
)
def test_only_what_is_ours_and_was_to_be_deleted_goes(one, created, replaced, why):
    assert why_left(one, created=created, replaced=replaced) == why


def test_what_is_protected_stays_though_it_is_ours():
    said = why_left(gone("/etc/ssh/sshd_config"), created=True, replaced=False)
    assert said is not None
    assert said.startswith("it is protected")


def test_the_budget_is_a_number_or_a_share_whichever_is_larger():
    assert [Budget().of(declared) for declared in (0, 5, 30, 100)] == [3, 3, 3, 10]


def addresses(number):
    return {f"web-1/File/f{index}": DELETE for index in range(number)}


def test_within_the_budget_it_goes_at_once():
    assert holds(addresses(3), declared=10, budget=Budget(), held={}) == {}


def test_beyond_it_all_of_it_waits_and_says_how_much_it_is():
    waits = holds(addresses(4), declared=6, budget=Budget(), held={})
    assert waits.keys() == addresses(4).keys()
    assert set(waits.values()) == {"4 of 10 instances are declared no longer, and 3 may go in one revision"}


def test_what_has_gone_already_because_of_the_same_revision_counts():
    assert holds(addresses(1), declared=6, budget=Budget(), held={}, earlier=2) == {}
    waits = holds(addresses(2), declared=6, budget=Budget(), held={}, earlier=2)
    assert waits.keys() == addresses(2).keys()
    assert set(waits.values()) == {"4 of 10 instances are declared no longer, and 3 may go in one revision"}


def test_what_was_held_goes_on_waiting_when_less_is_left():
    held = {"web-1/File/f0": "4 of 10 instances"}
    assert holds(addresses(2), declared=6, budget=Budget(), held=held) == held


def test_what_is_doubted_waits():
    doubts = {"web-1/File/f0": "it was not read in full"}
    assert holds(addresses(2), declared=100, budget=Budget(), held={}, doubts=doubts) == doubts


def test_confirm_asks_always():
    wants = {"web-1/File/a": Deletion.CONFIRM, "web-1/File/b": DELETE}
    assert holds(wants, declared=9, budget=Budget(), held={}) == {
        "web-1/File/a": "deletion: confirm asks first"
    }


def slips(gone, declared, selecting=("File/motd",), targets=("a", "b", "c")):
    return unselected(gone, declared, selecting=selecting, targets=targets)


def test_what_is_still_declared_and_loses_half_of_its_targets_may_be_a_slip():
    """A misspelt label on two hosts of four removed what was on them: two are within any budget."""
    gone, left = ["a/File/motd", "b/File/motd"], ["c/File/motd", "d/File/motd", "a/File/x", "b/File/x"]
    found = slips(gone, left)
    assert found.keys() == set(gone)
    assert "selects 2 of the 4 targets that it did" in found["a/File/motd"]
    assert slips(gone, [*left, "e/File/motd"]) == {}


def test_so_may_what_leaves_nothing_on_a_target_that_is_still_declared():
    left = ["b/File/motd", "c/File/motd"]
    assert "nothing is for a: its labels" in slips(["a/File/motd"], left)["a/File/motd"]
    assert slips(["a/File/motd"], left, targets=("b", "c")) == {}
    assert slips(["a/File/motd"], [*left, "a/File/x"]) == {}


def test_what_is_not_declared_at_all_any_more_or_for_a_named_target_is_no_such_slip():
    assert slips(["a/File/motd"], [], selecting=()) == {}


def test_what_may_be_a_slip_waits_although_it_is_within_the_budget():
    found = holds(addresses(2), declared=6, budget=Budget(), held={}, slips={"web-1/File/f0": "misspelt"})
    assert found == {"web-1/File/f0": "misspelt"}


@given(
    number=st.integers(0, 40),
    declared=st.integers(0, 200),
    instances=st.integers(0, 20),
    share=st.floats(0, 1),
    doubtful=st.integers(0, 40),
)
def test_never_does_more_than_the_budget_go_by_itself(number, declared, instances, share, doubtful):
    budget = Budget(instances, share)
    wants = addresses(number)
    doubts = dict.fromkeys(list(wants)[:doubtful], "why")
    waits = holds(wants, declared=declared, budget=budget, held={}, doubts=doubts)
    going = wants.keys() - waits.keys()
    assert waits.keys() <= wants.keys()
    assert not going or len(wants) <= budget.of(declared + number)
    assert all(waits.values())
    assert not (doubts.keys() & going)
