"""What is said where compiled providers cannot be kept."""

import builtins

import pytest

from reconciler.errors import UsageError
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
