"""What people see is tested without the time zone and the terminal of whoever runs the tests."""

from tests.unit.neutral import neutral

__all__ = ["neutral"]
