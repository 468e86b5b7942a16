"""Which source is to be forgotten: by whatever name a person has read of it, or by its directory from here."""

import os

import pytest

from reconciler.cli.commands.forget import _source

KNOWN = ["/srv/site", "site"]


@pytest.mark.parametrize(
    ("what", "meant"),
    [
        ("/srv/site", "/srv/site"),
        ("/srv/site/", "/srv/site"),
        ("Source/srv/site", "/srv/site"),
        ("Source/site", "site"),
        ("site", "site"),
        ("/srv/gone", "/srv/gone"),
        ("web-1/File/motd", ""),
    ],
)
def test_a_source_is_meant_by(what, meant):
    assert _source(what, KNOWN) == meant


def test_a_source_is_meant_by_its_directory_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = os.path.realpath(tmp_path / "other")
    assert _source("other", [site]) == site
