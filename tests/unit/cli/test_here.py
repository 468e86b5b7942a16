"""Places as a terminal opens them."""

import os

import pytest

from reconciler.cli.here import from_here


def test_a_place_below_the_working_directory_is_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert from_here(f"{tmp_path}/site/a.yaml:3") == "site/a.yaml:3"
    assert from_here(f"{tmp_path}-2/a.yaml:3") == f"{tmp_path}-2/a.yaml:3"
    assert from_here("/etc/froyo/a.yaml:3") == "/etc/froyo/a.yaml:3"
    assert from_here("-") == "-"


def test_a_link_by_which_the_shell_came_counts(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert from_here(f"{tmp_path}/link/a.yaml") == "a.yaml"
    monkeypatch.setenv("PWD", str(tmp_path))
    assert from_here(f"{tmp_path}/a.yaml") == f"{tmp_path}/a.yaml"


@pytest.mark.parametrize("place", ["/etc/a.yaml:3"])
def test_without_a_working_directory_a_place_stays_what_it_is(place, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert from_here(place) == place
    finally:
        os.chdir(tmp_path)
