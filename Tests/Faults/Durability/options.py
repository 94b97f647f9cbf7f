"""The command line."""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import dataclass
from pathlib import Path

from Support.server import binary_path

KINDS = {
    "sqlite": ("kill", "disk"),
    "postgresql": ("kill", "backend", "restart", "disk", "cut"),
}
PLANTS = ("rollback",)

EPILOG = """\
faults:
  kill     SIGKILL the server, start it again on the same port and store
  backend  kill -9 one of PostgreSQL's backends, or end some with pg_terminate_backend
  restart  stop PostgreSQL as a crash would, start it again after a while
  disk     the disk is full for some seconds; needs the right to mount a tmpfs, else it is skipped
  cut      cut a connection to PostgreSQL in the middle of a commit

The last line says how many faults there were, how many operations were acknowledged, and how many
of them were lost, doubled or stuck. The exit code is 1 unless all of these are 0 and both a fault
and an acknowledged operation happened.
"""


@dataclass(frozen=True)
class Options:
    """What a run is asked to do."""

    store: str
    faults: tuple[str, ...]
    seconds: float
    kills: int | None
    seed: int
    concurrency: int
    bound: float = 60.0
    evidence: Path | None = None
    plant: str | None = None
    verbose: bool = False


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="Tests/Faults/run", epilog=EPILOG,
        description="Faults under load; afterwards everything acknowledged must be there, once.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=sorted(KINDS), default="sqlite", help="default: sqlite")
    parser.add_argument(
        "--faults", metavar="KIND,…", help="default: all kinds the store has")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=_positive, metavar="N", help="faults for so long (default: 30)")
    length.add_argument("--kills", type=_positive, metavar="N", help="faults until there were N")
    parser.add_argument(
        "--seed", type=int, metavar="S", help="what everything is drawn from (default: a new one)")
    parser.add_argument(
        "--concurrency", type=_positive, default=16, metavar="C",
        help="workflows clients work on at a time (default: 16)")
    parser.add_argument(
        "--bound", type=_positive, default=60, metavar="N",
        help="seconds in which everything has to be answered, and everything open to complete, "
        "after the last fault (default: 60)")
    parser.add_argument(
        "--evidence", type=Path, metavar="DIR",
        help="keep journal, histories and logs here (default: kept only if something is wrong)")
    parser.add_argument(
        "--plant", choices=PLANTS,
        help="do damage that the harness has to find: 'rollback' gives the server an older copy of "
        "its SQLite file at a kill")
    parser.add_argument("--verbose", action="store_true", help="a line for each fault")
    return parser


def parse(arguments: list[str]) -> Options:
    """Reads the command line; ends the process with code 64 and a reason if it is wrong."""
    parser = _parser()
    parser.error = lambda message: parser.exit(  # type: ignore[method-assign]
        64, f"{parser.prog}: {message}; see --help\n")
    given = parser.parse_args(arguments)
    kinds = tuple(given.faults.split(",")) if given.faults else KINDS[given.store]
    for kind in kinds:
        if kind not in KINDS[given.store]:
            parser.error(
                f"there is no fault '{kind}' on {given.store}, only "
                f"{', '.join(KINDS[given.store])}")
    if given.plant and (given.store != "sqlite" or "kill" not in kinds):
        parser.error("--plant needs --store sqlite and the fault 'kill'")
    if not os.access(binary_path(), os.X_OK):
        parser.exit(1, f"{parser.prog}: no server binary at {binary_path()}; build it first\n")
    return Options(
        store=given.store, faults=tuple(dict.fromkeys(kinds)),
        seconds=float(given.seconds or 30), kills=given.kills,
        seed=random.SystemRandom().randrange(1 << 32) if given.seed is None else given.seed,
        concurrency=given.concurrency, bound=float(given.bound), evidence=given.evidence,
        plant=given.plant, verbose=given.verbose)
