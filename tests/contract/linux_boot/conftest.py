"""What the tests on real hosts need."""

from tests.e2e.conftest import built, site

__all__ = ["built", "site"]
