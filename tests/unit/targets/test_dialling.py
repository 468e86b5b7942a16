"""What is said of a machine to which there is no connection."""

import asyncio
import socket

import pytest

from reconciler.errors import TransportError
from reconciler.targets.dial import dial


def test_a_name_that_means_nothing_is_called_so_in_words(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransportError) as caught:
        asyncio.run(dial("nowhere", 22, timeout=5.0))
    assert "nowhere cannot be resolved: name or service not known; " in str(caught.value)
    assert "Errno" not in str(caught.value)
