"""ExecuteMultiOperation by hand: a workflow is started, or not, and gets an update with it."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.enums.v1 import (
    EventType, ResourceExhaustedCause, WorkflowExecutionStatus as Status,
    WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse)

from Support.errors import expect_error
from Support.histories import assert_history, types
from Support.raw import RawClient, complete, payloads
from Support.updates import (
    ACCEPTED, COMPLETED, acceptance, answer, begin_update_with_start, both_responses,
    complete_update, completion, idle, operation_failures, poll_update, rejection,
    update_with_start_fields, wait_until_known)

FAIL = Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL
USE_EXISTING = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
TERMINATE_EXISTING = Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
POLICIES = pytest.mark.parametrize(
    "policy", [FAIL, USE_EXISTING, TERMINATE_EXISTING], ids=["fail", "use", "terminate"])
ABORTED = "temporal.api.failure.v1.MultiOperationExecutionAborted"
NEW_RUN = ["WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
           "WorkflowTaskCompleted", "WorkflowExecutionUpdateAccepted",
           "WorkflowExecutionUpdateCompleted"]


def begin(raw: RawClient, names, update_id: str = "u", **options: Any) -> Any:
    """Sends an update with start for the case's own workflow."""
    policy = options.pop("policy", 0)
    start = {"workflow_id_conflict_policy": policy, **options.pop("start", {})}
    return begin_update_with_start(
        raw, names(), names.task_queue, update_id, start=start, **options)


def handle(raw: RawClient, names, result: Any = "done") -> str:
    """Accepts and completes the update of the next task, and returns the task's run."""
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(raw, task, acceptance(asked), completion(asked, result))
    return task.workflow_execution.run_id


@POLICIES
def test_new_workflow(raw: RawClient, names, policy: int) -> None:
    sent = begin(raw, names, policy=policy)
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    assert task.started_event_id == 3 and asked.event_id == 2 and asked.id == "u/request"
    answer(raw, task, acceptance(asked), completion(asked, "done"))
    started, updated = both_responses(sent.result())
    assert started.started and started.run_id == task.workflow_execution.run_id
    assert started.status == Status.WORKFLOW_EXECUTION_STATUS_RUNNING
    assert updated.stage == COMPLETED and updated.outcome.success == payloads("done")
    assert updated.update_ref.workflow_execution.run_id == started.run_id
    assert updated.update_ref.workflow_execution.workflow_id == names()
    assert poll_update(raw, names(), "u").outcome == updated.outcome
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionUpdateAccepted {"protocolInstanceId": "u", "acceptedRequestSequencingEventId": "2"}
        6 WorkflowExecutionUpdateCompleted {"acceptedEventId": "5"}
    """)


def test_new_workflow_rejects(raw: RawClient, names) -> None:
    """The workflow goes on without the update."""
    sent = begin(raw, names)
    task = raw.next_workflow_task(names.task_queue)
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 0
    started, updated = both_responses(sent.result())
    assert started.started and updated.stage == COMPLETED
    assert updated.outcome.failure.message == "no"
    with expect_error("NOT_FOUND", match='^update "u" not found$'):
        poll_update(raw, names(), "u")
    assert types(raw.history(names())) == NEW_RUN[:4]


def test_wait_for_acceptance(raw: RawClient, names) -> None:
    sent = begin(raw, names, stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, acceptance(task.messages[0]))
    started, updated = both_responses(sent.result())
    assert started.started and updated.stage == ACCEPTED and not updated.HasField("outcome")
    assert types(raw.history(names())) == NEW_RUN[:5]


def test_use_existing(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin(raw, names, policy=USE_EXISTING)
    assert handle(raw, names, "done") == run_id
    started, updated = both_responses(sent.result())
    assert not started.started and started.run_id == run_id
    assert started.status == Status.WORKFLOW_EXECUTION_STATUS_RUNNING
    link = started.link.workflow_event
    assert (link.workflow_id, link.run_id, link.event_ref.event_id) == (names(), run_id, 1)
    assert link.event_ref.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    assert updated.outcome.success == payloads("done")
    assert types(raw.history(names())) == [
        *NEW_RUN[:4], "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_use_existing_rejects(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    sent = begin(raw, names, policy=USE_EXISTING)
    task = raw.next_workflow_task(names.task_queue)
    assert answer(raw, task, rejection(task.messages[0])).reset_history_event_id == 3
    started, updated = both_responses(sent.result())
    assert started.run_id == run_id and updated.outcome.failure.message == "no"
    assert types(raw.history(names())) == NEW_RUN[:4], "the task was speculative"


def test_terminate_existing(raw: RawClient, names) -> None:
    old = idle(raw, names)
    sent = begin(raw, names, policy=TERMINATE_EXISTING)
    run_id = handle(raw, names)
    started, updated = both_responses(sent.result())
    assert started.started and started.run_id == run_id != old
    assert updated.update_ref.workflow_execution.run_id == run_id
    assert types(raw.history(names(), old)) == [*NEW_RUN[:4], "WorkflowExecutionTerminated"]
    assert types(raw.history(names(), run_id)) == NEW_RUN


def test_fail(raw: RawClient, names) -> None:
    run_id = idle(raw, names)
    with expect_error("ALREADY_EXISTS", detail="MultiOperationExecutionFailure") as caught:
        begin(raw, names, policy=FAIL).result()
    start, update = operation_failures(caught)
    assert start.code == "ALREADY_EXISTS"
    assert start.detail_type.endswith(".WorkflowExecutionAlreadyStartedFailure")
    assert start.detail.run_id == run_id
    assert (update.code, update.message) == ("ABORTED", "Operation was aborted.")
    assert update.detail_type == ABORTED
    assert len(raw.history(names())) == 4, "no task for the update"
    with expect_error("NOT_FOUND", match='^update "u" not found$'):
        poll_update(raw, names(), "u")


@POLICIES
def test_completed_update_is_told_again(raw: RawClient, names, policy: int) -> None:
    """The same update id, another start: nothing is started, whatever the policy."""
    first = begin(raw, names, policy=policy)
    handle(raw, names, "once")
    started, updated = both_responses(first.result())
    again, outcome = both_responses(begin(
        raw, names, policy=policy, start={"request_id": "another"}).result())
    assert not again.started and again.run_id == started.run_id
    assert outcome.stage == COMPLETED and outcome.outcome == updated.outcome
    assert types(raw.history(names())) == NEW_RUN


@POLICIES
def test_completed_update_of_a_closed_workflow(raw: RawClient, names, policy: int) -> None:
    first = begin(raw, names, policy=policy)
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, "once"), then=(complete(),))
    started, updated = both_responses(first.result())
    again, outcome = both_responses(begin(
        raw, names, policy=policy, start={"request_id": "another"}).result())
    assert not again.started and again.run_id == started.run_id
    assert again.status == Status.WORKFLOW_EXECUTION_STATUS_COMPLETED
    assert outcome.outcome == updated.outcome
    assert types(raw.history(names())) == [*NEW_RUN, "WorkflowExecutionCompleted"]


@POLICIES
def test_accepted_update_is_waited_for(raw: RawClient, names, policy: int) -> None:
    """Even a policy that would terminate the workflow leaves it alone."""
    first = begin(raw, names, policy=policy, stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked))
    started, _ = both_responses(first.result())
    second = begin(raw, names, policy=policy, start={"request_id": "another"})
    raw.signal(names(), "s")
    answer(raw, raw.next_workflow_task(names.task_queue), completion(asked, 1))
    again, updated = both_responses(second.result())
    assert not again.started and again.run_id == started.run_id
    assert updated.outcome.success == payloads(1)
    assert types(raw.history(names()))[-1] == "WorkflowExecutionUpdateCompleted"


@POLICIES
def test_same_start_another_update(raw: RawClient, names, policy: int) -> None:
    """The same request id is the same start: only the update is sent."""
    start = {"request_id": "same"}
    first = begin(raw, names, "first", policy=policy, start=start)
    run_id = handle(raw, names)
    first.result()
    second = begin(raw, names, "second", policy=policy, start=start)
    assert handle(raw, names, 2) == run_id
    started, updated = both_responses(second.result())
    assert started.run_id == run_id and updated.outcome.success == payloads(2)
    assert types(raw.history(names())) == [
        *NEW_RUN, "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted"]


def test_closed_workflow(raw: RawClient, names) -> None:
    old = idle(raw, names)
    raw.terminate(names())
    sent = begin(raw, names)
    run_id = handle(raw, names)
    started, updated = both_responses(sent.result())
    assert started.started and started.run_id == run_id != old
    assert updated.outcome.success == payloads("done")
    assert types(raw.history(names(), old)) == [*NEW_RUN[:4], "WorkflowExecutionTerminated"]
    assert types(raw.history(names())) == NEW_RUN


def test_closed_workflow_that_may_not_be_started_again(raw: RawClient, names) -> None:
    idle(raw, names)
    raw.terminate(names())
    with expect_error("ALREADY_EXISTS", detail="MultiOperationExecutionFailure") as caught:
        begin(raw, names, start={
            "workflow_id_reuse_policy": Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE}).result()
    start, update = operation_failures(caught)
    assert start.code == "ALREADY_EXISTS"
    assert "Workflow execution already finished" in start.message
    assert start.detail_type.endswith(".WorkflowExecutionAlreadyStartedFailure")
    assert (update.code, update.detail_type) == ("ABORTED", ABORTED)
    assert len(raw.history(names())) == 5


def test_existing_workflow_closes_first(raw: RawClient, names) -> None:
    """The server tries once more by itself, and starts the workflow."""
    old = idle(raw, names)
    sent = begin(raw, names, policy=USE_EXISTING)
    wait_until_known(raw, names(), "u", sent)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    run_id = handle(raw, names, "after all")
    started, updated = both_responses(sent.result())
    assert started.started and started.run_id == run_id != old
    assert updated.outcome.success == payloads("after all")
    assert types(raw.history(names(), old))[4:] == [
        "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
        "WorkflowExecutionCompleted"]
    assert types(raw.history(names())) == NEW_RUN


def test_new_workflow_closes_first(raw: RawClient, names) -> None:
    """What was started by this request is not started twice."""
    sent = begin(raw, names, policy=USE_EXISTING)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    with expect_error("NOT_FOUND", detail="MultiOperationExecutionFailure") as caught:
        sent.result()
    start, update = operation_failures(caught)
    assert start.code == "OK"
    assert (update.code, update.message) == (
        "NOT_FOUND", "workflow update was aborted by closing workflow")
    assert types(raw.history(names())) == [*NEW_RUN[:4], "WorkflowExecutionCompleted"]


@pytest.mark.parametrize("key, code, text", [
    ("history.maxInFlightUpdates", "RESOURCE_EXHAUSTED",
     "limit on number of concurrent in-flight updates has been reached (1)"),
    ("history.maxTotalUpdates", "FAILED_PRECONDITION",
     "The limit on the total number of distinct updates in this workflow has been reached (1)."),
], ids=["in-flight", "total"])
def test_limits(own_server, names, key: str, code: str, text: str) -> None:
    raw = RawClient(own_server(extra=["--dynamic-config-value", f"{key}=1"]).start().address)
    first = begin(raw, names, "first", stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, acceptance(task.messages[0]))
    both_responses(first.result())
    with expect_error(code, detail="MultiOperationExecutionFailure") as caught:
        begin(raw, names, "second", policy=USE_EXISTING).result()
    start, update = operation_failures(caught)
    assert (start.code, start.detail_type) == ("ABORTED", ABORTED)
    assert update.code == code and update.message.startswith(text)
    if code == "RESOURCE_EXHAUSTED":
        assert update.detail.cause == (
            ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT)
    assert types(raw.history(names())) == NEW_RUN[:5]


def test_worker_fails_the_update_s_task(raw: RawClient, names) -> None:
    sent = begin(raw, names)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        answer(raw, task, completion(task.messages[0], 1))
    with expect_error("FAILED_PRECONDITION", detail="MultiOperationExecutionFailure") as caught:
        sent.result()
    start, update = operation_failures(caught)
    assert start.code == "OK"
    assert update.code == "FAILED_PRECONDITION"
    assert update.detail_type.endswith(".WorkflowNotReadyFailure")
    assert types(raw.stored_history(names())) == [*NEW_RUN[:3], "WorkflowTaskFailed"]


def test_ids_are_made_by_the_server(raw: RawClient, names) -> None:
    """Neither a request id nor an update id is needed."""
    fields = update_with_start_fields(
        raw, names(), names.task_queue, "", start={"request_id": ""})
    sent = raw.begin("ExecuteMultiOperation", **fields)
    handle(raw, names)
    started, updated = both_responses(sent.result())
    assert started.started and len(updated.update_ref.update_id) == 36
    assert poll_update(
        raw, names(), updated.update_ref.update_id).outcome.success == payloads("done")
    assert types(raw.history(names())) == NEW_RUN


def test_plain_update_goes_on_from_there(raw: RawClient, names) -> None:
    sent = begin(raw, names, "first")
    handle(raw, names)
    sent.result()
    assert complete_update(raw, names, "second", result=2).outcome.success == payloads(2)
    assert types(raw.history(names()))[-2:] == NEW_RUN[-2:]
    with expect_error("NOT_FOUND", match='^update "third" not found$'):
        poll_update(raw, names(), "third")


# Requests that are refused as a whole, and requests one operation of which is wrong.


@pytest.mark.parametrize("make", [
    lambda parts: [], lambda parts: parts[:1], lambda parts: parts[::-1],
    lambda parts: [parts[0], parts[0]], lambda parts: [parts[1], parts[1]],
    lambda parts: [*parts, parts[1]], lambda parts: [{}, parts[1]],
], ids=["none", "one", "reversed", "two-starts", "two-updates", "three", "empty"])
def test_wrong_operations(raw: RawClient, names, make: Any) -> None:
    parts = update_with_start_fields(raw, names(), names.task_queue, "u")["operations"]
    text = r"^Operations have to be exactly \[Start, Update\]\.$"
    with expect_error("INVALID_ARGUMENT", match=text) as caught:
        raw.call("ExecuteMultiOperation", operations=make(parts))
    assert caught.detail_type == ""
    with expect_error("NOT_FOUND"):
        raw.describe(names())


@pytest.mark.parametrize("culprit, fields, text", [
    (0, {"cron_schedule": "* * * * *"}, "CronSchedule is not allowed."),
    (0, {"request_eager_execution": True}, "RequestEagerExecution is not supported."),
    (0, {"workflow_start_delay": {"seconds": 5}}, "WorkflowStartDelay is not supported."),
    (0, {"namespace": "another"}, "Operation namespace did not match request's namespace."),
    (0, {"workflow_type": {}}, "WorkflowType is not set on request."),
    (0, {"workflow_id": ""}, "WorkflowId is not set on request."),
    (1, {"first_execution_run_id": "00000000-0000-4000-8000-000000000000"},
     "FirstExecutionRunId is not allowed."),
    (1, {"workflow_execution": {
        "workflow_id": "{id}", "run_id": "00000000-0000-4000-8000-000000000000"}},
     "RunId is not allowed."),
    (1, {"workflow_execution": {"workflow_id": "another"}},
     "WorkflowId is not consistent with previous operation(s)."),
    (1, {"namespace": "another"}, "Operation namespace did not match request's namespace."),
    (1, {"request": {"input": {"name": "change"}}}, "Update meta is not set on request."),
    (1, {"request": {"meta": {"update_id": "u"}}}, "Update input is not set on request."),
    (1, {"request": {"meta": {"update_id": "u"}, "input": {}}},
     "Update name is not set on request."),
], ids=["cron", "eager", "delay", "start-namespace", "type", "id", "first-run", "run", "another-id",
        "update-namespace", "meta", "input", "name"])
def test_wrong_operation(
    raw: RawClient, names, culprit: int, fields: dict[str, Any], text: str
) -> None:
    if fields.get("workflow_execution", {}).get("workflow_id") == "{id}":
        fields = {"workflow_execution": {**fields["workflow_execution"], "workflow_id": names()}}
    parts = {"start": fields} if culprit == 0 else {"update": fields}
    with expect_error("INVALID_ARGUMENT", detail="MultiOperationExecutionFailure") as caught:
        begin_update_with_start(raw, names(), names.task_queue, "u", **parts).result()
    failures = operation_failures(caught)
    assert (failures[culprit].code, failures[culprit].message) == ("INVALID_ARGUMENT", text)
    other = failures[1 - culprit]
    assert (other.code, other.message) == ("ABORTED", "Operation was aborted.")
    assert other.detail_type == ABORTED
    with expect_error("NOT_FOUND"):
        raw.describe(names())


def test_waiting_for_admission_is_denied(raw: RawClient, names) -> None:
    with expect_error("PERMISSION_DENIED", detail="MultiOperationExecutionFailure") as caught:
        begin(raw, names, stage=1).result()
    start, update = operation_failures(caught)
    assert start.code == "ABORTED" and update.code == "PERMISSION_DENIED"
    assert update.detail_type.endswith(".PermissionDeniedFailure")
    with expect_error("NOT_FOUND"):
        raw.describe(names())


def test_both_operations_are_wrong(raw: RawClient, names) -> None:
    with expect_error("INVALID_ARGUMENT", detail="MultiOperationExecutionFailure") as caught:
        begin_update_with_start(
            raw, names(), names.task_queue, "u", start={"workflow_type": {}},
            update={"request": {"meta": {"update_id": "u"}}}).result()
    assert [(one.code, one.message) for one in operation_failures(caught)] == [
        ("INVALID_ARGUMENT", "WorkflowType is not set on request."),
        ("INVALID_ARGUMENT", "Update input is not set on request.")]
