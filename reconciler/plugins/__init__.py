"""The provider host: packages, the sandbox that they run in, and what they may ask of a target.

A provider is a pure coroutine. It runs in WebAssembly without imports; what it wants of a target it says,
and the host checks that against the package's capabilities and the phase before anybody hears of it. So
everything in here knows calls and replies, and nothing in here knows how a call reaches a target.
"""
