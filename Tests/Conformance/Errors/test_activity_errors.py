"""How answers to activities are refused, by token and by id."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType

from Support.histories import assert_history
from Support.raw import RawClient, RetryPolicy, failure, schedule_activity, ws
from Support.refusals import (
    NO_SUCH_RUN, TOO_LONG, Refusal, World, invalid, not_found)

BY_TOKEN = (
    "RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled",
    "RecordActivityTaskHeartbeat")
BY_ID = tuple(f"{rpc}ById" for rpc in BY_TOKEN)
GONE = ("^invalid activityID or activity already timed out or invoking workflow is completed$"
        "|^workflow execution already completed$")


def named(workflow_id: str, activity_id: str = "a", run_id: str = "", **more):
    return {"workflow_id": workflow_id, "activity_id": activity_id, "run_id": run_id, **more}


def closed(w: World) -> bytes:
    """The token of an activity whose workflow was terminated meanwhile."""
    task = w.activity
    w.raw.terminate(task.workflow_execution.workflow_id)
    return task.task_token


def retried(w: World) -> bytes:
    """The token of an attempt that has failed; the next one waits."""
    task = w.activity
    w.raw.fail_activity(task, failure("again", next_retry_delay=3600))
    return task.task_token


def unheard(w: World) -> ws.PollActivityTaskQueueResponse:
    """An activity `a` that was ended since it missed its heartbeat."""
    w.raw.respond(w.task, schedule_activity(
        "a", w.queue, start_to_close=60, heartbeat=0.2, retry=RetryPolicy(maximum_attempts=1)))
    task = w.raw.next_activity_task(w.queue)
    w.raw.wait_event(
        task.workflow_execution.workflow_id, EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
    return task


def by_token(rpc: str) -> list[Refusal]:
    return [
        invalid(rpc, "no token", {}, r"^Task token not set on request\.$|^Invalid TaskToken\.$"),
        invalid(rpc, "junk", {"task_token": b"junk"},
                r"^(Error deserializing task token|Invalid TaskToken)\.$"),
        invalid(rpc, "half a token", lambda w: {"task_token": w.activity.task_token[:20]},
                r"^(Error deserializing task token|Invalid TaskToken)\.$"),
        not_found(rpc, "answered before",
                  lambda w: {"task_token": w.answered_activity.task_token}, GONE),
        not_found(rpc, "attempt before", lambda w: {"task_token": retried(w)}, GONE),
        not_found(rpc, "missed heartbeat", lambda w: {"task_token": unheard(w).task_token}, GONE),
        not_found(rpc, "workflow closed", lambda w: {"task_token": closed(w)}, GONE),
        not_found(rpc, "token of a workflow task", lambda w: {"task_token": w.task.task_token},
                  GONE),
        invalid(rpc, "long identity", lambda w: {
            "task_token": w.activity.task_token, "identity": TOO_LONG},
            r"^Identity length exceeds limit\.$"),
    ]


def by_id(rpc: str) -> list[Refusal]:
    return [
        invalid(rpc, "no activity id", {"workflow_id": "w"},
                r"^ActivityI[dD] is not set on request\.$"),
        invalid(rpc, "long activity id", named("w", TOO_LONG), "ActivityI[dD] length exceeds"),
        invalid(rpc, "long workflow id", named(TOO_LONG), "WorkflowI[dD] length exceeds"),
        invalid(rpc, "malformed run id", named("w", "a", "run-1"), r"^Invalid RunI[dD]\.$"),
        not_found(rpc, "unknown workflow", named("no-such-workflow"), "not found"),
        not_found(rpc, "unknown run", lambda w: named(w.running, "a", NO_SUCH_RUN), "not found"),
        not_found(rpc, "unknown activity", lambda w: named(w.running, "none"),
                  "^cannot find pending activity with ActivityID none, check workflow execution "
                  "history for more details$"),
        not_found(rpc, "missed heartbeat", lambda w: named(
            unheard(w).workflow_execution.workflow_id),
                  "^cannot find pending activity with ActivityID a, check workflow execution "
                  "history for more details$"),
        not_found(rpc, "workflow closed", lambda w: named(w.closed),
                  "^workflow execution already completed$|cannot find pending activity"),
        invalid(rpc, "long identity", named("w", identity=TOO_LONG),
                r"^Identity length exceeds limit\.$"),
    ]


NOT_APPLICATION = {"message": "m", "canceled_failure_info": {}}

TABLE: list[Refusal] = [
    *[row for rpc in BY_TOKEN for row in by_token(rpc)],
    *[row for rpc in BY_ID for row in by_id(rpc)],
    invalid("RespondActivityTaskFailed", "failure of another kind", lambda w: {
        "task_token": w.activity.task_token, "failure": NOT_APPLICATION},
        r"^Failure must have ApplicationFailureInfo\.$"),
    invalid("RespondActivityTaskFailedById", "failure of another kind",
            named("w", failure=NOT_APPLICATION), r"^Failure must have ApplicationFailureInfo\.$"),
    invalid("RespondActivityTaskCanceled", "not asked to cancel", lambda w: {
        "task_token": w.activity.task_token},
        "^unable to mark activity as canceled without activity being request canceled first$"),
    invalid("RespondActivityTaskCanceledById", "not asked to cancel", lambda w: named(
        w.activity.workflow_execution.workflow_id),
        "^unable to mark activity as canceled without activity being request canceled first$"),
    *[not_found(rpc, "not started", lambda w: named(w.scheduled_activity), GONE)
      for rpc in ("RespondActivityTaskFailedById", "RespondActivityTaskCanceledById",
                  "RecordActivityTaskHeartbeatById")],
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


def test_refused_answers_change_nothing(raw: RawClient, names) -> None:
    """After every refusal the activity is still with its worker, as its history says."""
    world = World(raw, names())
    task = world.activity
    workflow_id = task.workflow_execution.workflow_id
    for row in (
        invalid("RespondActivityTaskCanceled", "", {"task_token": task.task_token}, "canceled"),
        invalid("RespondActivityTaskFailed", "", {
            "task_token": task.task_token, "failure": NOT_APPLICATION}, "Application"),
    ):
        row.check(raw, names())
    before = raw.describe(workflow_id)
    assert before.pending_activities[0].attempt == 1
    raw.complete_activity(task, "done")
    assert_history(raw.history(workflow_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted {"attempt": 1}
        7 ActivityTaskCompleted {"result": ["done"], "startedEventId": "6"}
        8 WorkflowTaskScheduled
    """)
