"""The conformance kit: whether a provider package keeps what `docs/spec/provider-interface.md` promises to the engine.

A package is run in its sandbox against a world, case by case, and asked what the engine would ask. What it must not
know: anything that only one family of kinds has. What the world of a package is, its cases say.
"""
