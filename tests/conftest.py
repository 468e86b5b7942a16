"""What every test may ask for, and what holds for all of them."""

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.lab.fixture", "tests.lab.control_plane", "tests.postgresql.fixture"]

# How long an example takes, or how long it takes to make one, says something about the machine and nothing about us.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell has what it runs in the background ignore Ctrl-C, and whatever that starts; some tests are about Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
