"""What is said where compiled providers cannot be kept."""

import builtins
import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.errors import ProviderError, UsageError
from reconciler.plugins import compiling
from reconciler.plugins.compiled import CompiledCache


def test_a_cache_that_cannot_be_made_says_how_to_name_another_place(tmp_path):
    (tmp_path / "file").touch()
    cache = CompiledCache(tmp_path / "file" / "components")
    with pytest.raises(UsageError, match=r"cannot be kept there: not a directory; .*FROYO_CACHE"):
        cache.find(tmp_path / "component.wasm")


def test_a_cache_that_cannot_be_written_does_so_too(tmp_path, monkeypatch):
    cache = CompiledCache(tmp_path / "components")

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(builtins, "open", denied)
    with pytest.raises(UsageError, match=r"cannot be kept there: permission denied; .*FROYO_CACHE"):
        cache.make(tmp_path / "component.wasm", threading.Event())


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A component whose compiler does not end by itself; it says in a file of which session it is."""
    told, script = tmp_path / "session", tmp_path / "compiler.py"
    script.write_text(
        f"import os, time\nopen({str(told)!r} + '.new', 'w').write(str(os.getsid(0)))\n"
        f"os.rename({str(told)!r} + '.new', {str(told)!r})\ntime.sleep(600)\n"
    )
    monkeypatch.setattr(compiling, "__file__", str(script))
    component = tmp_path / "component.wasm"
    component.write_bytes(b"")
    return component


def test_a_compilation_shares_no_signals_of_ours_and_ends_when_nobody_waits_for_it(slow, tmp_path):
    told, given_up = tmp_path / "session", threading.Event()
    with ThreadPoolExecutor() as thread:
        making = thread.submit(CompiledCache(tmp_path / "components").make, slow, given_up)
        while not told.exists():
            time.sleep(0.01)
        given_up.set()
        with pytest.raises(ProviderError, match="nobody waits for it"):
            making.result()
    assert int(told.read_text()) != os.getsid(0)


def test_a_compilation_that_was_given_up_before_it_began_ends_too(slow, tmp_path):
    """Ctrl-C came while the component was still read, and froyo waited for all of the compilation."""
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(ProviderError, match="nobody waits for it"):
        CompiledCache(tmp_path / "components").make(slow, given_up)


def test_who_waits_for_the_compilation_of_another_process_can_give_up_as_well(slow, tmp_path):
    components, given_up = tmp_path / "components", threading.Event()
    components.mkdir(mode=0o700)
    with (components / ".lock").open("w") as other, ThreadPoolExecutor() as thread:
        fcntl.flock(other, fcntl.LOCK_EX)
        making = thread.submit(CompiledCache(components).make, slow, given_up)
        given_up.set()
        with pytest.raises(ProviderError, match="nobody waits"):
            making.result()
