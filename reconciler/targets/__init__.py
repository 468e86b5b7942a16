"""How a target is reached: transports, the runner's protocol, and sessions on top of both.

From the bottom up: `frames` (bytes and JSON), `states` and `protocol` (what may be said when, without any
I/O), `link` (one conversation over one channel), `session` (what the engine uses). Beside them `local` and
`ssh` start a runner and give the channel to it; `connect` chooses between them; `artifacts` finds and
verifies what they start. `question` is all of that for one question to this machine, without an event loop.
"""
