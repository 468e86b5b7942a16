"""How bad things are at a modelled target right now. All zero is a fine day."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Weather:
    """What may go wrong. Numbers between 0 and 1 are chances; times are seconds.

    Attributes:
        latency: one way, at least and at most.
        refuses: a connection cannot be had.
        mute: a runner that was started never says READY.
        loses_reply: an answer is never sent, and the session stays.
        late_reply: an answer comes after up to two minutes.
        repeats_reply: an answer is sent twice.
        cuts: the stream ends in the middle of a frame.
        hangs_up: the session is lost as something is about to be written, or has just been.
        babbles: the runner says what is no frame.
        lies: the runner answers in the right form and without sense.
        stutters: an item of a command fails in a way that passes.
        throttles: a command is turned away for a while.
        forgets: a remembered batch, or a body, is not there any more.
        slow: a command takes its time, up to half a minute.
        lingers: a runner whose session was lost still carries through what it was told.
        loses_event: a change is not reported.
        overflows: a report of changes has lost some.
        anonymous: nobody knows who did it.
        echoes: a change of our own is reported.
        watch_ends: the watch ends by itself.
        degraded: a watch cannot watch all.
        blind: a runner cannot watch at all.
        interlopes: somebody changes a path right before we write to it.
        contests: somebody changes it back right after we wrote to it.
    """

    latency: tuple[float, float] = (0.0005, 0.003)
    refuses: float = 0.0
    mute: float = 0.0
    loses_reply: float = 0.0
    late_reply: float = 0.0
    repeats_reply: float = 0.0
    cuts: float = 0.0
    hangs_up: float = 0.0
    babbles: float = 0.0
    lies: float = 0.0
    stutters: float = 0.0
    throttles: float = 0.0
    forgets: float = 0.0
    slow: float = 0.0
    lingers: float = 0.0
    loses_event: float = 0.0
    overflows: float = 0.0
    anonymous: float = 0.0
    echoes: float = 0.0
    watch_ends: float = 0.0
    degraded: float = 0.0
    blind: float = 0.0
    interlopes: float = 0.0
    contests: float = 0.0

    def clear(self) -> None:
        """From now on it is fine."""
        for one in fields(self):
            setattr(self, one.name, (0.0005, 0.003) if one.name == "latency" else 0.0)


FAULTS = tuple(one.name for one in fields(Weather) if one.name != "latency")
