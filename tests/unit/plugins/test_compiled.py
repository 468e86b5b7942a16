"""What is said where compiled providers cannot be kept."""

import builtins
import os
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
        cache.make(tmp_path / "component.wasm")


def test_a_compilation_shares_no_signals_of_ours_and_ends_when_nobody_waits_for_it(tmp_path, monkeypatch):
    told = tmp_path / "session"
    script = tmp_path / "compiler.py"
    script.write_text(
        f"import os, time\nopen({str(told)!r} + '.new', 'w').write(str(os.getsid(0)))\n"
        f"os.rename({str(told)!r} + '.new', {str(told)!r})\ntime.sleep(600)\n"
    )
    monkeypatch.setattr(compiling, "__file__", str(script))
    (tmp_path / "component.wasm").write_bytes(b"")
    cache = CompiledCache(tmp_path / "components")
    cache.give_up()  # nothing is under way
    with ThreadPoolExecutor() as thread:
        making = thread.submit(cache.make, tmp_path / "component.wasm")
        while not told.exists():
            time.sleep(0.01)
        cache.give_up()
        with pytest.raises(ProviderError, match="the compiler ended with -9"):
            making.result()
    assert int(told.read_text()) != os.getsid(0)
