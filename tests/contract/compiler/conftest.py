"""The compiler as it is built; where it could not be, each test says so."""

import pytest

from reconciler.config.compiler.client import Compiler


@pytest.fixture(scope="package")
def compiler():
    """One that all tests of the directory may ask."""
    made = Compiler()
    if made.missing:
        pytest.skip(made.missing)
    yield made
    made.close()


@pytest.fixture(scope="package")
def evaluate(compiler):
    """What `cue.evaluate` answers of some files."""

    def ask(files, *, library=None, tags=None, seconds=20.0):
        arguments = {"files": files, "library": library or {}, "tags": tags or {}}
        return compiler.ask("cue.evaluate", arguments, seconds=seconds)

    return ask
