"""One time zone and no terminal of the person who runs the tests: a fixture for whoever tests what people see."""

import time

import pytest


@pytest.fixture(autouse=True)
def neutral(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "FROYO_STATE", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
