"""`python -m reconciler.cli` is `froyo`."""

from reconciler.cli import main

main()
