"""How workers are refused: polls, workflow tasks, queries, and their task queues."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command

from Support.raw import RawClient, complete, marker
from Support.refusals import (
    TOO_LONG, Refusal, World, invalid, not_found, precondition, unimplemented)

POLLS = ("PollWorkflowTaskQueue", "PollActivityTaskQueue")
RESPONDS = ("RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed")
NO_TASK = r"^Workflow task not found\.$"
QUEUE = {"name": "q"}


def denied(rpc: str, name: str, fields: dict, message: str) -> Refusal:
    return Refusal(rpc, name, fields, "PERMISSION_DENIED", message, detail="PermissionDeniedFailure")


def polls(rpc: str) -> list[Refusal]:
    return [
        invalid(rpc, "no queue", {}, r"(?i)^taskQueue is not set"),
        invalid(rpc, "long queue", {"task_queue": {"name": TOO_LONG}},
                r"(?i)^taskQueue length exceeds limit"),
        invalid(rpc, "reserved queue", {"task_queue": {"name": "/_sys/q/x"}}, "reserved prefix"),
        invalid(rpc, "long identity", {"task_queue": QUEUE, "identity": TOO_LONG},
                r"^Identity length exceeds limit\.$"),
        precondition(rpc, "too little time", {"task_queue": QUEUE},
                     r"^Context timeout is too short\.$", timeout=1.5),
        denied(rpc, "version stamp", {"task_queue": QUEUE, "worker_version_capabilities": {
            "build_id": "1", "use_versioning": True}},
            r"^Worker versioning in workflow progress APIs is disabled on this namespace\.$"),
        denied(rpc, "deployment", {"task_queue": QUEUE, "deployment_options": {
            "deployment_name": "d", "build_id": "1", "worker_versioning_mode": 2}},
            r"^Worker Deployment Versions are disabled on this namespace\.$"),
    ]


def tokens(rpc: str) -> list[Refusal]:
    return [
        invalid(rpc, "no token", {}, r"^Task token not set on request\.$|^Invalid TaskToken\.$"),
        invalid(rpc, "junk", {"task_token": b"junk"},
                r"^(Error deserializing task token|Invalid TaskToken)\.$"),
        invalid(rpc, "half a token", lambda w: {"task_token": w.task.task_token[:20]},
                r"^(Error deserializing task token|Invalid TaskToken)\.$"),
        not_found(rpc, "answered before", lambda w: {"task_token": w.answered_task.task_token},
                  NO_TASK),
        not_found(rpc, "workflow closed", lambda w: {"task_token": terminated(w)},
                  NO_TASK if rpc == RESPONDS[0] else r"^workflow execution already completed$"),
        not_found(rpc, "workflow completed", lambda w: {"task_token": completing(w)},
                  NO_TASK if rpc == RESPONDS[0] else r"^workflow execution already completed$"),
        invalid(rpc, "long identity", lambda w: {
            "task_token": w.task.task_token, "identity": TOO_LONG},
            r"^Identity length exceeds limit\.$"),
    ]


def terminated(w: World) -> bytes:
    """The token of a task whose workflow was terminated meanwhile."""
    task = w.task
    w.raw.terminate(task.workflow_execution.workflow_id)
    return task.task_token


def completing(w: World) -> bytes:
    """The token of the task that completed its workflow."""
    task = w.task
    w.raw.respond(task, complete())
    return task.task_token


def answer(*commands: Command, **fields):
    """A completion of a started task."""
    return lambda w: {"task_token": w.task.task_token, "commands": commands, **fields}


def completed(name: str, fields, message: str) -> Refusal:
    return invalid("RespondWorkflowTaskCompleted", name, fields, message)


TABLE: list[Refusal] = [
    *[row for rpc in POLLS for row in polls(rpc)],
    *[row for rpc in RESPONDS for row in tokens(rpc)],

    invalid("PollActivityTaskQueue", "sticky", {"task_queue": {
        "name": "q", "kind": "TASK_QUEUE_KIND_STICKY", "normal_name": "n"}}, "sticky"),
    invalid("PollActivityTaskQueue", "rate that is no number", {
        "task_queue": QUEUE,
        "task_queue_metadata": {"max_tasks_per_second": {"value": float("nan")}}},
        r"^MaxTasksPerSecond must be a number of at least 0\.$"),

    completed("unknown command", answer(Command()), "(?i)unknown command type"),
    completed("close command in the middle", answer(complete(), marker("m")),
              r"^invalid command sequence: \[.+\], command .+ must be the last command\.$"),
    completed("sticky queue with a reserved name", answer(sticky_attributes={
        "worker_task_queue": {"name": "/_sys/x"}}), "reserved prefix"),
    completed("negative sticky timeout", answer(sticky_attributes={
        "worker_task_queue": {"name": "s"},
        "schedule_to_start_timeout": Duration(seconds=-1)}),
        r"^An invalid ScheduleToStartTimeout is set on StickyAttributes\.$"),
    unimplemented("RespondWorkflowTaskCompleted", "part of an answer",
                  answer(intermediate_page=True), "paged"),

    invalid("RespondQueryTaskCompleted", "no token", {},
            r"^Task token not set on request\.$|^Invalid TaskToken\.$"),
    invalid("RespondQueryTaskCompleted", "junk", {"task_token": b"\xff\xff"},
            r"^(Error deserializing task token|Invalid TaskToken)\.$"),
    not_found("RespondQueryTaskCompleted", "token of a workflow task", lambda w: {
        "task_token": w.task.task_token}, "^query task not found, or already expired$"),

    invalid("ShutdownWorker", "long identity", {"identity": TOO_LONG},
            r"^Identity length exceeds limit\.$"),
    invalid("ShutdownWorker", "reserved sticky queue", {"sticky_task_queue": "/_sys/q/1"},
            "reserved prefix"),

    invalid("DescribeTaskQueue", "no queue", {}, r"(?i)^taskQueue is not set"),
    invalid("DescribeTaskQueue", "long queue", {"task_queue": {"name": TOO_LONG}},
            r"(?i)^taskQueue length exceeds limit"),
    invalid("DescribeTaskQueue", "unknown type", {"task_queue": QUEUE, "task_queue_type": 99},
            "99"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
