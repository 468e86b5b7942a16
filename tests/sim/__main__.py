"""Run simulations: `python -m tests.sim --seeds 1000`, or one of them with all that happens: `--seed 17 --trace`."""

import argparse
import os
import sys
import time

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
    parser.add_argument("--rollouts", action="store_true", help="fleets to which revisions come wave by wave")
    parser.add_argument("--hosts", type=int, default=200, help="of a fleet")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of names are walked in the same order in every run only if names are hashed the same.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]])
    if arguments.rollouts:
        return rolled(arguments)
    from tests.sim.mutations import SEVERAL, could_find, mutated
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

    start, failed, kills = time.perf_counter(), [], 0
    one = arguments.seed
    seeds = [one] if one is not None else range(arguments.start, arguments.start + arguments.seeds)
    for seed in seeds:
        fleet = simulate(seed, arguments.hosts)
        kills += fleet.kills
        if fleet.violations or arguments.trace:
            print(*fleet.lines, sep="\n")
        if fleet.violations:
            failed.append(seed)
            print(f"\nseed {seed} fails:", *fleet.violations[:TAIL], sep="\n  ")
            print(
                f"replay it: {sys.executable} -m tests.sim --rollouts --seed {seed} --hosts {arguments.hosts}\n"
            )
            if not arguments.keep_going:
                break
    print(
        f"{len(failed)} of {len(seeds)} fleets of {arguments.hosts} hosts failed; {kills} kills, "
        f"in {time.perf_counter() - start:.1f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
