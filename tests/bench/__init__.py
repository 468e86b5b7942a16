"""What it costs, beside what the machine itself would take. `python -m tests.bench` runs all of it."""
