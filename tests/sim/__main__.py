"""Run simulations: `python -m tests.sim --seeds 1000`, or one of them with all that happens: `--seed 17 --trace`."""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable

TAIL = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first one")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="print all that happens, not only the end of it")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first that fails")
    parser.add_argument("--mutation", default="", help="a defect to put in first, to see that it is found")
    parser.add_argument(
        "--several", action="store_true", help="with controllers that take over from each other"
    )
    parser.add_argument("--shared", action="store_true", help="with controllers that share the targets")
    parser.add_argument("--namespaces", action="store_true", help="of one cluster that share an operator")
    parser.add_argument("--rollouts", action="store_true", help="fleets to which revisions come wave by wave")
    parser.add_argument("--hosts", type=int, default=0, help="of a fleet; 200, or 10 with a defect")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of names are walked in the same order in every run only if names are hashed the same.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]])
    from tests.sim.mutations import FLEETS, GUESTS, SEVERAL, SHARED, could_find, mutated

    if arguments.rollouts or arguments.mutation in FLEETS:
        return rolled(arguments)
    if arguments.shared or arguments.mutation in SHARED:
        return shared(arguments)
    if arguments.namespaces or arguments.mutation in GUESTS:
        return namespaces(arguments)
    from tests.sim.simulation import simulate

    start = time.perf_counter()
    seeds = (
        [arguments.seed]
        if arguments.seed is not None
        else range(arguments.start, arguments.start + arguments.seeds)
    )
    failed, seconds, lives, writes = [], 0.0, 0, 0
    for seed in seeds:
        if not could_find(arguments.mutation, seed):
            continue
        with mutated(arguments.mutation):
            result = simulate(seed, several=arguments.several or arguments.mutation in SEVERAL)
        seconds, lives, writes = seconds + result.seconds, lives + result.lives, writes + result.writes
        if result.violations or arguments.trace:
            lines = result.lines if arguments.trace else result.lines[-TAIL:]
            print(*lines, sep="\n")
        if result.violations:
            failed.append(seed)
            print(f"\nseed {seed} fails:", *result.violations, sep="\n  ")
            print(f"replay it: {sys.executable} -m tests.sim --seed {seed} --trace\n")
            if not arguments.keep_going:
                break
        elif arguments.seed is not None:
            print(f"seed {seed}: all is well; history {result.digest}")
    took = time.perf_counter() - start
    print(
        f"{len(failed)} of {len(seeds)} seeds failed{f': {failed}' if failed else ''}; {seconds:.0f} virtual seconds, "
        f"{lives} lives of a controller, {writes} writes to targets, in {took:.1f} s"
    )
    return 1 if failed else 0


def rolled(arguments: argparse.Namespace) -> int:
    """The same for fleets."""
    from tests.sim.rollouts import simulate

    hosts = arguments.hosts or (10 if arguments.mutation else 200)

    def run(seed: int) -> tuple[list[str], list[str], int]:
        fleet = simulate(seed, hosts)
        return fleet.violations, fleet.lines, fleet.kills

    return _each(arguments, run, f"--rollouts --hosts {hosts}", f"fleets of {hosts} hosts", "kills")


def shared(arguments: argparse.Namespace) -> int:
    """The same for controllers that share the targets."""
    from tests.sim.sharing import simulate

    def run(seed: int) -> tuple[list[str], list[str], int]:
        scene = simulate(seed)
        return scene.violations, scene.lines, scene.lives

    return _each(arguments, run, "--shared", "seeds", "lives of controllers")


def namespaces(arguments: argparse.Namespace) -> int:
    """The same for namespaces that share an operator."""
    from tests.sim.namespaces import simulate

    def run(seed: int) -> tuple[list[str], list[str], int]:
        scene = simulate(seed)
        return scene.violations, scene.lines, scene.applied

    return _each(arguments, run, "--namespaces", "seeds", "objects applied")


def _each(
    arguments: argparse.Namespace,
    run: Callable[[int], tuple[list[str], list[str], int]],
    how: str,
    what: str,
    of: str,
) -> int:
    """Run seeds, each of which gives what must never have been, what happened, and a number of something."""
    from tests.sim.mutations import mutated

    start, failed, number = time.perf_counter(), [], 0
    one = arguments.seed
    seeds = [one] if one is not None else range(arguments.start, arguments.start + arguments.seeds)
    for seed in seeds:
        with mutated(arguments.mutation):
            violations, lines, more = run(seed)
        number += more
        if violations or arguments.trace:
            print(*lines, sep="\n")
        if violations:
            failed.append(seed)
            print(f"\nseed {seed} fails:", *violations[:TAIL], sep="\n  ")
            print(f"replay it: {sys.executable} -m tests.sim {how} --seed {seed}\n")
            if not arguments.keep_going:
                break
        elif one is not None:
            told = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
            print(f"seed {seed}: all is well; history {told}")
    print(
        f"{len(failed)} of {len(seeds)} {what} failed{f': {failed}' if failed else ''}; {number} {of}, "
        f"in {time.perf_counter() - start:.1f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
