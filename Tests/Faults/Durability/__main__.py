"""The command: prepares a store, runs, tells what came of it."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from .options import Options, parse
from .report import Report, failure, summary, tell_findings, write_evidence
from .session import Session, make_store
from .stores import Unrecovered


async def _run(options: Options, directory: Path) -> int:
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, asyncio.current_task().cancel)  # type: ignore[union-attr]
    report = Report(options)
    store = make_store(options, directory, random.Random(f"{options.seed}/store"))
    try:
        await store.prepare()
        session = Session(options, store, directory, report)
        try:
            await session.run()
        finally:
            _tell(options, session, report, directory)
    finally:
        await store.close()
    why = failure(session.faults.done, session.journal, session.findings)
    if why is not None:
        print(f"faults {options.store} failed: {why} (--seed {options.seed})")
    print(summary(options, session.faults.done, session.journal, session.findings))
    return 0 if why is None else 1


def _tell(options: Options, session: Session, report: Report, directory: Path) -> None:
    """Says what is wrong, and keeps the evidence of it."""
    answers = ", ".join(f"{code} {count}" for code, count in session.journal.answers.most_common())
    report.say(f"answers: {answers}")
    report.say(
        "after a fault, what was under way was settled within "
        f"{session.faults.longest_settling:.1f} s")
    tell_findings(session.findings)
    is_broken = bool(session.findings) or session.stored is None
    if is_broken or options.evidence is not None:
        evidence = options.evidence or Path(tempfile.mkdtemp(prefix="faults-evidence-"))
        write_evidence(
            evidence, report, session.journal, session.stored, session.findings,
            [session.server.log_path, *session.store.directory.glob("cluster/server.log")])
        report.say(f"evidence is in {evidence}")


def main() -> int:
    options = parse(sys.argv[1:])
    length = f"{options.kills} faults" if options.kills else f"{options.seconds:.0f} s"
    print(
        f"faults {options.store}: {length} of {', '.join(options.faults)}, concurrency "
        f"{options.concurrency}, seed {options.seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        return asyncio.run(_run(options, directory))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("faults: interrupted", file=sys.stderr)
        return 130
    except (Unrecovered, AssertionError) as reason:
        # What starts servers says with assertions why it could not.
        if not str(reason):
            raise
        print(f"faults {options.store} failed with seed {options.seed}: {reason}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


sys.exit(main())
