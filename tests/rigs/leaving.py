"""Servers over stdio are left by their clients, in every way and at random instants.

    python tests/rigs/leaving.py [--times 50] [--servers 200] [--only SCENE,...] [--seed N]

Each trial has a home, a server and a client of its own, which leaves the server: after it was told
that its run goes on, or while it waits. Others kill the process that drives the runs, or both. The
models are on the loopback, and see each call and its key. A run that was promised ends with its
answer and no call twice; of one that was not, no call begins any more and those in flight are kept,
until it is asked for again; a run that was interrupted is told so and is resumed without a finished
call made again; no process is left; no key is where it should not be. Ends with 1 if any of it
fails. Needs Linux.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType

from leaving_checks import Trial
from leaving_home import SIGHUP
from leaving_play import LeavingApi
from leaving_scenes import (
    asked_again,
    both_killed,
    cut,
    cut_early,
    driver_ended,
    driver_killed,
    nothing_left,
    promised,
    promised_to_stop,
    two_keys,
)
from leaving_server import WAYS

from atlas_mcp.testing.messages_api import serve

assert sys.platform != "win32", "needs signals and /proc"

Scene = Callable[[Trial], None]

PROBLEMS_EACH = 1_000
"""Problems that a trial has to itself."""

SCENES: dict[str, Scene] = {
    **{f"promised, {name}": partial(promised, way=way) for name, way in WAYS.items()},
    **{f"cut, {name}": partial(cut, way=way) for name, way in WAYS.items()},
    "cut, SIGKILL at the start": cut_early,
    "promised, and told to stop": promised_to_stop,
    "cut, and asked again": asked_again,
    "SIGKILL of the driver": driver_killed,
    "SIGTERM of the driver": driver_ended,
    "SIGKILL of both": both_killed,
    "two keys": two_keys,
}


def perform(scene: Scene, trial: Trial) -> str | None:
    """Perform a scene and return the fault that it found."""
    try:
        scene(trial)
    except AssertionError as error:
        notes: list[str] = getattr(error, "__notes__", [])
        return "\n".join([str(error), *notes])
    except Exception as error:  # noqa: BLE001 - a fault of the rig itself fails the trial alone
        return f"{type(error).__name__}: {error}"
    return None


def tell(name: str, trials: list[Trial], faults: list[str | None]) -> bool:
    """Print how the trials of a scene went and return whether all went well."""
    found = [one for one in faults if one is not None]
    figures: dict[str, float] = {}
    for trial in trials:
        for of, value in trial.figures.items():
            figures[of] = max(value, figures.get(of, 0.0))
    told = ", ".join(f"{of} {value:.2f}" for of, value in figures.items())
    mark = "FAIL" if found else "ok  "
    print(
        f"{mark} {name}: {len(trials) - len(found)} of {len(trials)}; at most: {told}", flush=True
    )
    for fault in found[:3]:
        print("     " + fault.replace("\n", "\n     "), flush=True)
    return not found


def play(options: argparse.Namespace, names: list[str], random: Random) -> Iterator[bool]:
    """Perform all scenes, the trials of each side by side."""
    api = LeavingApi()
    numbers = itertools.count(0, PROBLEMS_EACH)
    with (
        serve(api) as url,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root,
        ThreadPoolExecutor(options.at_once) as pool,
    ):

        def trial() -> Trial:
            number = next(numbers)
            folder = Path(root, str(number))
            folder.mkdir()
            return Trial(api, url, folder, Random(random.random()), number)

        for name in names:
            trials = [trial() for _ in range(options.times)]
            yield tell(name, trials, list(pool.map(partial(perform, SCENES[name]), trials)))
        if options.servers:
            alone = trial()
            scene = partial(nothing_left, servers=options.servers)
            yield tell(f"nothing left of {options.servers}", [alone], [perform(scene, alone)])


def hang_up(number: int, frame: FrameType | None) -> None:
    """Do nothing when the terminal is gone."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="Trials of each scene.")
    parser.add_argument(
        "--servers", type=int, default=200, help="Servers after which none is left."
    )
    parser.add_argument("--at-once", type=int, default=4, help="Trials at once.")
    parser.add_argument("--only", help="Scenes whose names contain one of these.")
    parser.add_argument("--seed", type=int, default=None, help="Default: another every time.")
    options = parser.parse_args()
    seed = Random().randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}; the machine's own timing is not repeated by it", flush=True)
    # Under `nohup` it is ignored, and would be by the servers; a handler is not inherited.
    signal.signal(SIGHUP, hang_up)
    wanted = options.only.split(",") if options.only else [""]
    names = [name for name in SCENES if any(one in name for one in wanted)]
    began = time.monotonic()
    good = list(play(options, names, Random(seed)))
    print(f"{sum(good)} of {len(good)} scenes went well, in {time.monotonic() - began:.0f} s")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
