"""The pure core: decisions without I/O.

No clock, no asyncio, no randomness of its own: `now` and `random` are always parameters.
"""
