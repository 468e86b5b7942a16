"""OpenFroyo: an always-on reconciler for machines.

The engine reads what people declare, observes what is, plans the difference, applies it, and goes round again.
`docs/architecture.md` shows how the packages below this one fit together.
"""

__version__ = "0.1.0"
