"""What a run tells: progress, the last lines, and the evidence if something is wrong."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from .checker import Category, Finding
from .journal import Journal, Kind
from .options import Options
from .readback import Stored

# The first findings of each category are told in full.
_TOLD_MAX = 5


class Report:
    """Everything a run says."""

    def __init__(self, options: Options):
        self.options = options
        self._begun = time.monotonic()
        self.faults: list[str] = []

    def say(self, line: str) -> None:
        print(f"{time.monotonic() - self._begun:6.1f} s  {line}", flush=True)

    def fault(self, line: str) -> None:
        """Notes a fault."""
        self.faults.append(f"{time.monotonic() - self._begun:.1f} s {line}")
        if self.options.verbose:
            self.say(line)

    def progress(self, done: Counter[str], journal: Journal) -> None:
        """One line about where the run is."""
        acknowledged = sum(journal.acknowledged().values())
        self.say(
            f"{_kills(done)}, {acknowledged} operations acknowledged, "
            f"{len(journal.pending())} under way")


def _kills(done: Counter[str]) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(done.items()))
    total = sum(done.values())
    return f"{total} kill{'' if total == 1 else 's'}" + (f" ({kinds})" if kinds else "")


def summary(
    options: Options, done: Counter[str], journal: Journal, findings: list[Finding]
) -> str:
    """The last line."""
    acknowledged = journal.acknowledged()
    completions = acknowledged[Kind.TASK] + acknowledged[Kind.ACTIVITY]
    counts = (
        f"starts {acknowledged[Kind.START]}, signals {acknowledged[Kind.SIGNAL]}, "
        f"completions {completions}, updates {acknowledged[Kind.UPDATE]}, "
        f"results {acknowledged[Kind.RESULT]}")
    wrong = Counter(finding.category for finding in findings)
    told = ", ".join(f"{wrong[category]} {category.value}" for category in Category)
    return (
        f"faults {options.store}: {_kills(done)}, {sum(acknowledged.values())} operations "
        f"acknowledged ({counts}), {told}")


def failure(done: Counter[str], journal: Journal, findings: list[Finding]) -> str | None:
    """Why the run failed; None if it did not."""
    if findings:
        return f"{len(findings)} things are wrong"
    if not sum(done.values()):
        return "no fault was injected"
    if not sum(journal.acknowledged().values()):
        return "no operation was acknowledged"
    return None


def tell_findings(findings: list[Finding]) -> None:
    """Prints the first findings of each category."""
    for category in Category:
        found = [finding for finding in findings if finding.category is category]
        for finding in found[:_TOLD_MAX]:
            print(f"  {finding}", flush=True)
        if len(found) > _TOLD_MAX:
            print(f"  and {len(found) - _TOLD_MAX} more {category.value}", flush=True)


def write_evidence(
    directory: Path, report: Report, journal: Journal, stored: Stored | None,
    findings: list[Finding], logs: list[Path],
) -> None:
    """Writes down all that is needed to understand what is wrong."""
    directory.mkdir(parents=True, exist_ok=True)
    about = [report.options, *report.faults, *journal.unexpected.items(), *findings]
    (directory / "report").write_text("\n".join(str(line) for line in about) + "\n")
    with open(directory / "journal", "w") as file:
        for operation in journal.operations:
            file.write(json.dumps({
                "kind": operation.kind.name, "workflow": operation.workflow_id,
                "key": operation.key, "outcome": operation.outcome.value,
                "answer": operation.answer}) + "\n")
    for log in logs:
        if log.exists():
            shutil.copyfile(log, directory / log.name)
    wrong = {finding.workflow_id for finding in findings}
    for workflow_id in sorted(wrong & stored.runs.keys() if stored else ()):
        for run in stored.runs[workflow_id]:
            text = ",\n".join(MessageToJson(event) for event in run.events)
            (directory / f"{workflow_id}-{run.run_id}.json").write_text(f"[{text}]\n")
