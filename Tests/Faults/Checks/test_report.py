"""The last line, and when a run has failed."""

from __future__ import annotations

from collections import Counter

from Checks.histories import good_journal
from Durability.checker import Category, Finding
from Durability.journal import Journal, Kind
from Durability.options import Options
from Durability.report import failure, summary

OPTIONS = Options(
    store="sqlite", faults=("kill", "disk"), seconds=1, kills=None, seed=1, concurrency=1)
KILLS = Counter({"kill": 2, "disk": 1})


def test_last_line() -> None:
    findings = [Finding(Category.LOST, "w1", "…"), Finding(Category.STUCK, "w2", "…")]
    good_journal().begin(Kind.SIGNAL, "w1", "unanswered")
    assert summary(OPTIONS, KILLS, good_journal(), findings) == (
        "faults sqlite: 3 kills (disk 1, kill 2), 9 operations acknowledged (starts 1, signals 2, "
        "completions 4, updates 1, results 1), 1 lost, 0 doubled, 1 stuck, 0 wrong")


def test_success() -> None:
    assert failure(KILLS, good_journal(), []) is None


def test_failures() -> None:
    for category in Category:
        assert failure(KILLS, good_journal(), [Finding(category, "w1", "…")]) is not None
    assert failure(Counter(), good_journal(), []) == "no fault was injected"
    unanswered = Journal()
    unanswered.begin(Kind.START, "w1", "1").give_up()
    assert failure(KILLS, unanswered, []) == "no operation was acknowledged"
