"""Workflows that grow too large, and workflows whose tasks keep failing."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause

from Support.errors import expect_error
from Support.histories import assert_history, find, types
from Support.raw import RawClient, complete, marker, schedule_activity, start_timer


@pytest.fixture
def limited(own_server):
    """A client of a server with settings of the case's own."""
    clients = []

    def make(**settings) -> RawClient:
        extra = []
        for key, value in settings.items():
            extra += ["--dynamic-config-value", f"{key.replace('__', '.')}={value}"]
        clients.append(RawClient(own_server(extra=extra).start().address))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_history_size(limited, names) -> None:
    raw = limited(limit__historySize__error=2000)
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue), marker("m", data="x" * 3000))
    with expect_error("INVALID_ARGUMENT", match=r"^Workflow history size exceeds limit\.$"):
        raw.signal(names(), "one too many")
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 MarkerRecorded
        6 WorkflowExecutionTerminated {"reason": "Workflow history size exceeds limit.", "identity": "history-service"}
    """)
    with expect_error("NOT_FOUND", match="already completed"):
        raw.signal(names(), "after the end")


def test_history_count(limited, names) -> None:
    raw = limited(limit__historyCount__error=8)
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT", match=r"^Workflow history count exceeds limit\.$"):
        raw.respond(
            raw.next_workflow_task(names.task_queue), *(marker(f"m{n}") for n in range(6)))
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"}
        5 WorkflowExecutionTerminated {"reason": "Workflow history count exceeds limit."}
    """)


def test_history_count_of_events_from_outside(limited, names) -> None:
    """They count from the next event on, so that one gets in behind the limit."""
    raw = limited(limit__historyCount__warn=10, limit__historyCount__error=20)
    raw.start(names(), names.task_queue)
    for number in range(3):
        raw.respond(raw.next_workflow_task(names.task_queue), schedule_activity(
            f"a{number}", names.task_queue, start_to_close=60))
        raw.complete_activity(raw.next_activity_task(names.task_queue))
    raw.signal(names(), "number 21")
    with expect_error("INVALID_ARGUMENT", match=r"^Workflow history count exceeds limit\.$"):
        raw.signal(names(), "one too many")
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted
        7 ActivityTaskCompleted
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 ActivityTaskScheduled
        12 ActivityTaskStarted
        13 ActivityTaskCompleted
        14 WorkflowTaskScheduled
        15 WorkflowTaskStarted
        16 WorkflowTaskCompleted
        17 ActivityTaskScheduled
        18 ActivityTaskStarted
        19 ActivityTaskCompleted
        20 WorkflowTaskScheduled
        21 WorkflowExecutionSignaled {"signalName": "number 21"}
        22 WorkflowExecutionTerminated {"reason": "Workflow history count exceeds limit.", "identity": "history-service"}
    """)
    with expect_error("NOT_FOUND", match="already completed"):
        raw.signal(names(), "after the end")


def test_a_workflow_may_complete_beyond_the_count(limited, names) -> None:
    raw = limited(limit__historyCount__error=5)
    raw.start(names(), names.task_queue)
    raw.respond(
        raw.next_workflow_task(names.task_queue), marker("a"), marker("b"), complete("done"))
    assert types(raw.history(names()))[-1] == "WorkflowExecutionCompleted"


def test_mutable_state_size(limited, names) -> None:
    raw = limited(limit__mutableStateSize__error=3000)
    raw.start(names(), names.task_queue)
    timers = [start_timer(f"timer-{n}", 60) for n in range(200)]
    with expect_error("INVALID_ARGUMENT", match=r"^Workflow mutable state size exceeds limit\.$"):
        raw.respond(raw.next_workflow_task(names.task_queue), *timers)
    terminated = find(raw.history(names()), "WorkflowExecutionTerminated")
    assert terminated["reason"] == "Workflow mutable state size exceeds limit."
    assert "TimerStarted" not in types(raw.history(names()))


def test_transaction_size(limited, names) -> None:
    raw = limited(system__transactionSizeLimit=20000)
    raw.start(names(), names.task_queue)
    large = [marker(f"m{n}", data="x" * 9000) for n in range(3)]
    with expect_error("INVALID_ARGUMENT", match=r"^Transaction size exceeds limit\.$"):
        raw.respond(raw.next_workflow_task(names.task_queue), *large)
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"}
        5 WorkflowExecutionTerminated {"reason": "Transaction size exceeds limit."}
    """)


def test_bytes_of_buffered_events(limited, names) -> None:
    raw = limited(history__maximumBufferedEventsSizeInBytes=4000)
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "first", "x" * 3000)
    assert len(raw.history(names())) == 3, "it waits"
    raw.signal(names(), "second", "x" * 3000)
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"}
        5 WorkflowExecutionSignaled {"signalName": "first"}
        6 WorkflowExecutionSignaled {"signalName": "second"}
        7 WorkflowTaskScheduled
    """)
    with expect_error("NOT_FOUND", match="Workflow task not found"):
        raw.respond(task, complete())


def test_signals_of_one_run(limited, names) -> None:
    raw = limited(history__maximumSignalsPerExecution=2)
    raw.start(names(), names.task_queue)
    raw.signal(names(), "one")
    raw.signal(names(), "two")
    with expect_error(
        "INVALID_ARGUMENT", match="^exceeded workflow execution limit for signal events$"):
        raw.signal(names(), "three")
    assert types(raw.history(names())).count("WorkflowExecutionSignaled") == 2


def _reported(raw: RawClient, names) -> bytes | None:
    fields = raw.describe(names()).workflow_execution_info.search_attributes.indexed_fields
    return fields["TemporalReportedProblems"].data if "TemporalReportedProblems" in fields else None


def _listed(raw: RawClient, names) -> int:
    query = (f"WorkflowId = '{names()}' AND TemporalReportedProblems = "
             "'cause=WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure'")
    return len(raw.call("ListWorkflowExecutions", query=query).executions)


def test_reported_problems(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    for attempt in range(5):
        assert _reported(raw, names) is None and _listed(raw, names) == 0, f"attempt {attempt}"
        raw.fail_workflow_task(
            raw.next_workflow_task(names.task_queue),
            Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE)
    assert _reported(raw, names) == (
        b'["category=WorkflowTaskFailed",'
        b'"cause=WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure"]')
    assert _listed(raw, names) == 1
    raw.respond(raw.next_workflow_task(names.task_queue), marker("well again"))
    assert _reported(raw, names) is None and _listed(raw, names) == 0
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed
        5 WorkflowTaskScheduled {"attempt": 6}
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 MarkerRecorded
    """)


def test_reported_problems_can_be_turned_off(limited, names) -> None:
    raw = limited(system__numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=0)
    raw.start(names(), names.task_queue)
    for _ in range(6):
        raw.fail_workflow_task(
            raw.next_workflow_task(names.task_queue),
            Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE)
    assert _reported(raw, names) is None
