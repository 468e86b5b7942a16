"""Noticing that somebody else keeps changing back what we put right, and giving way instead of a tug of war.

The rule, for the corrections of one field of one instance:

- A correction belongs to the same contest as the one before it if it comes within `quiet` seconds of it
  (counted from the end of the pause, if one was imposed). After a quiet time the count begins anew.
- From the `corrections`-th on, if they took at least `lasting` seconds, the field is *contested*: that is
  said, as a warning and in the condition. It is still corrected at once: someone who tries us out, or an
  accident in a loop, deserves a quick repair, and each costs little.
- Once the contest has gone on for `patience` seconds, corrections come with growing pauses: `first_pause`,
  then twice the time between the last two, up to `longest_pause`.
- One quiet time ends it, whatever it had grown to.

So ten thousand changes made by hand or by a script within `patience` are each repaired without delay, and
an endless fight costs us in the long run one correction in `longest_pause`. A slow fight (another tool
every half an hour) is none by this rule: each round of it is an ordinary drift event, with the evidence of
who did it.

What is kept is a short tuple of times: the first correction of the contest and the most recent ones.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

Times = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestRules:
    """The numbers of the rule.

    Attributes:
        corrections: how many in a row make a contest. At least 2.
        lasting: seconds that they must have taken.
        patience: seconds of a contest without pauses.
        first_pause: seconds.
        longest_pause: seconds.
        quiet: seconds without a correction that end it.
    """

    corrections: int = 5
    lasting: float = 3.0
    patience: float = 600.0
    first_pause: float = 1.0
    longest_pause: float = 300.0
    quiet: float = 60.0


@dataclass(frozen=True, slots=True)
class ContestVerdict:
    """What follows from the corrections so far.

    Attributes:
        contested: whether this is to be called a contest.
        since: when it began; 0 if it is none.
        not_before: when the next correction may be made; 0 for at once.
        over_at: when it will be over if nothing happens; 0 if it is none.
    """

    contested: bool = False
    since: float = 0.0
    not_before: float = 0.0
    over_at: float = 0.0


CALM = ContestVerdict()


def corrected(times: Times, now: float, rules: ContestRules) -> Times:
    """`times` with one more correction, cut to what the rule needs: the first and the most recent ones."""
    if not times or now > _end(times, rules):
        return (now,)
    longer = (*times, max(now, times[-1]))
    return longer if len(longer) <= max(rules.corrections, 3) else (longer[0], *longer[2:])


def judge(times: Times, now: float, rules: ContestRules) -> ContestVerdict:
    """What follows from the corrections at `times` (as `corrected` gave them), at `now`."""
    if len(times) < rules.corrections or times[-1] - times[0] < rules.lasting:
        return CALM
    over = _end(times, rules)
    if now > over:
        return CALM
    return ContestVerdict(contested=True, since=times[0], not_before=_next(times, rules), over_at=over)


def _next(times: Times, rules: ContestRules) -> float:
    """When the correction after the last of `times` may be made; 0 for at once."""
    if len(times) < rules.corrections or times[-1] - times[0] < max(rules.lasting, rules.patience):
        return 0.0
    pause = max(rules.first_pause, 2.0 * (times[-1] - times[-2]))
    return times[-1] + min(pause, rules.longest_pause)


def _end(times: Times, rules: ContestRules) -> float:
    """Until when one more correction would belong to the same contest."""
    return max(times[-1], _next(times, rules)) + rules.quiet


class Contests(Generic[K]):
    """The contests of many things, by (thing, field). Remembers only those that are not over.

    Example:
        >>> contests = Contests[str](ContestRules(corrections=2, lasting=0.0))
        >>> contests.corrected("web-1/File/motd", ["content"], now=10.0).contested
        False
        >>> contests.corrected("web-1/File/motd", ["content", "mode"], now=11.0).contested
        True
        >>> contests.verdict("web-1/File/motd", now=100.0).contested
        False
    """

    def __init__(self, rules: ContestRules = ContestRules()) -> None:
        self._rules = rules
        self._times: dict[K, dict[str, Times]] = {}
        self._told: set[K] = set()

    def corrected(self, thing: K, fields: Iterable[str], *, now: float) -> ContestVerdict:
        """Record that `fields` of `thing` have just been put right after drift."""
        known = self._times.setdefault(thing, {})
        for field in fields:
            known[field] = corrected(known.get(field, ()), now, self._rules)
        return self.verdict(thing, now=now)

    def verdict(self, thing: K, *, now: float) -> ContestVerdict:
        """The most severe verdict on any field of `thing`."""
        known = self._times.get(thing)
        if known is None:
            return CALM
        for field in [field for field, times in known.items() if now > _end(times, self._rules)]:
            del known[field]
        if not known:
            self.forget(thing)
            return CALM
        verdicts = (judge(times, now, self._rules) for times in known.values())
        return max(verdicts, key=lambda verdict: (verdict.contested, verdict.not_before, verdict.over_at))

    def forget(self, thing: K) -> None:
        """`thing` is to be something else now, or is gone: what was fought about is history."""
        self._times.pop(thing, None)
        self._told.discard(thing)

    def is_news(self, thing: K) -> bool:
        """Whether the contest of `thing` was not told of yet. From now on it was, until it is over."""
        if thing in self._told:
            return False
        self._told.add(thing)
        return True

    def expire(self, now: float) -> None:
        """Drop what is over, so that what is remembered is bounded by what is going on."""
        for thing in list(self._times):
            self.verdict(thing, now=now)
