"""Children by hand: what is in the histories, event by event."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from temporalio.api.enums.v1 import EventType, QueryResultType
from temporalio.api.query.v1 import WorkflowQueryResult

from Support.histories import IDLE, assert_history, find, types
from Support.raw import (
    Header, Memo, RawClient, SearchAttributes, cancel_external, complete, continue_as_new,
    execution, marker, payload, payloads, signal_external, start_child,
)
from Support.sdk import eventually_sync

STARTED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED


def _family(raw: RawClient, names, **options) -> str:
    """A parent of a child on a queue of its own; both runs are open."""
    run_id = raw.start(names("p"), names("pq")).run_id
    raw.respond(
        raw.next_workflow_task(names("pq")),
        start_child(names("c"), task_queue=names("cq"), **options))
    return run_id


def test_whole_story(raw: RawClient, names) -> None:
    _family(raw, names)
    raw.respond(raw.next_workflow_task(names("pq")))
    raw.respond(raw.next_workflow_task(names("cq")), complete("result"))
    raw.respond(raw.next_workflow_task(names("pq")), complete())
    assert_history(raw.history(names("p")), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 StartChildWorkflowExecutionInitiated {"workflowTaskCompletedEventId": "4", "parentClosePolicy": "PARENT_CLOSE_POLICY_TERMINATE", "workflowIdReusePolicy": "WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE", "namespace": "default"}
        6 ChildWorkflowExecutionStarted {"initiatedEventId": "5"}
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ChildWorkflowExecutionCompleted {"initiatedEventId": "5", "startedEventId": "6", "result": ["result"], "workflowType": {"name": "RawChild"}}
        11 WorkflowTaskScheduled
        12 WorkflowTaskStarted
        13 WorkflowTaskCompleted
        14 WorkflowExecutionCompleted
    """)


def test_what_the_child_gets(raw: RawClient, names) -> None:
    run_id = _family(
        raw, names, run_timeout=100, execution_timeout=50, cron_schedule="",
        memo=Memo(fields={"m": payload("memo")}),
        header=Header(fields={"h": payload("header")}),
        search_attributes=SearchAttributes(
            indexed_fields={"CustomKeywordField": payload(names())}))
    started = find(raw.history(names("c")), "WorkflowExecutionStarted")
    assert started["parentWorkflowExecution"] == {"workflowId": names("p"), "runId": run_id}
    assert started["rootWorkflowExecution"] == {"workflowId": names("p"), "runId": run_id}
    assert started["parentInitiatedEventId"] == "5"
    assert started["workflowRunTimeout"] == "50s" and started["workflowTaskTimeout"] == "10s"
    assert started["memo"]["fields"]["m"] == "memo"
    assert started["header"]["fields"]["h"] == "header"
    listed = raw.call(
        "ListWorkflowExecutions", query=f"CustomKeywordField = '{names()}'").executions
    assert [run.execution.workflow_id for run in listed] == [names("c")]
    assert listed[0].parent_execution.run_id == run_id
    assert listed[0].root_execution.run_id == run_id
    child = find(raw.history(names("p")), "ChildWorkflowExecutionStarted")
    assert child["header"]["fields"]["h"] == "header"


def _asked(raw: RawClient, workflow_id: str) -> Any:
    """The answer to a query that is sent again until the workflow is there."""
    while True:
        try:
            return raw.query(workflow_id, "q", timeout=20).query_result
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise


def test_queries_wait_for_a_child_to_begin(raw: RawClient, names) -> None:
    """Its first task comes when its parent knows of it, which a query may be too early for."""
    children = [names(f"c{number}") for number in range(10)]
    raw.start(names("p"), names("pq"))
    task = raw.next_workflow_task(names("pq"))
    with ThreadPoolExecutor(len(children)) as pool:
        answers = [pool.submit(_asked, raw, child) for child in children]
        raw.respond(task, *[start_child(child, task_queue=names("cq")) for child in children])
        while not all(one.done() for one in answers):
            task = raw.poll_workflow(names("cq"), timeout=3)
            result = WorkflowQueryResult(
                result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, answer=payloads("here"))
            if task.HasField("query"):
                raw.call(
                    "RespondQueryTaskCompleted", task_token=task.task_token,
                    completed_type=result.result_type, query_result=result.answer)
            elif task.task_token:
                raw.respond(task, query_results={key: result for key in task.queries})
        assert [one.result() for one in answers] == [payloads("here")] * len(children)
    for child in children:
        assert types(raw.history(child)) == IDLE


def test_results_wait_for_the_workflow_task(raw: RawClient, names) -> None:
    _family(raw, names)
    task = raw.next_workflow_task(names("pq"))
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    raw.wait_closed(names("c"))
    raw.signal(names("p"), "s")
    time.sleep(0.3)
    assert types(raw.history(names("p")))[-1] == "WorkflowTaskStarted"
    raw.respond(task)
    assert types(raw.history(names("p")))[8:] == [
        "WorkflowTaskCompleted", "WorkflowExecutionSignaled", "ChildWorkflowExecutionCompleted",
        "WorkflowTaskScheduled"]


def test_cron_child(raw: RawClient, names) -> None:
    """It waits for its schedule, and its parent for the end of the chain."""
    _family(raw, names, cron_schedule="@every 1s")
    backoff = find(raw.history(names("c")), "WorkflowExecutionStarted")["firstWorkflowTaskBackoff"]
    assert 0 < float(backoff.removesuffix("s")) <= 1
    raw.respond(raw.next_workflow_task(names("cq")), complete("first"))
    raw.next_workflow_task(names("cq"))
    assert len(raw.describe(names("p")).pending_children) == 1
    raw.terminate(names("c"))
    raw.wait_event(
        names("p"), EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED)


def test_task_queue_of_the_parent(raw: RawClient, names) -> None:
    raw.start(names("p"), names("pq"))
    raw.respond(raw.next_workflow_task(names("pq")), start_child(names("c")))
    started = raw.wait_event(names("p"), STARTED)
    assert started.child_workflow_execution_started_event_attributes.workflow_execution.run_id
    queue = find(raw.history(names("c")), "WorkflowExecutionStarted")["taskQueue"]["name"]
    assert queue == names("pq")


def test_reuse_policy(raw: RawClient, names) -> None:
    raw.start(names("c"), names("cq"))
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    _family(raw, names, workflow_id_reuse_policy=3)
    failed = raw.wait_event(
        names("p"), EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
    assert failed.start_child_workflow_execution_failed_event_attributes.cause == 1


def test_cancel_before_the_start(raw: RawClient, names) -> None:
    """A child nobody has started yet cannot be found, and is not cancelled."""
    raw.start(names("p"), names("pq"))
    raw.respond(
        raw.next_workflow_task(names("pq")),
        cancel_external(names("c"), child_workflow_only=True))
    raw.wait_event(
        names("p"), EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED)


def test_signal_in_the_same_workflow_task(raw: RawClient, names) -> None:
    """Both are on their way at once: the signal arrives if the child is there by then."""
    raw.start(names("p"), names("pq"))
    raw.respond(
        raw.next_workflow_task(names("pq")),
        start_child(names("c"), task_queue=names("cq")), signal_external(names("c")))
    events = eventually_sync(lambda: _answered(raw, names))
    assert ("ExternalWorkflowExecutionSignaled" in types(events)) == (
        "WorkflowExecutionSignaled" in types(raw.history(names("c"))))


def _answered(raw: RawClient, names):
    events = raw.history(names("p"))
    done = {"ExternalWorkflowExecutionSignaled", "SignalExternalWorkflowExecutionFailed"}
    return events if done & set(types(events)) and STARTED in [
        event.event_type for event in events] else None


def _reset(raw: RawClient, names, event_id: int) -> str:
    return raw.call(
        "ResetWorkflowExecution", workflow_execution=execution(names("p")),
        workflow_task_finish_event_id=event_id, request_id=str(uuid.uuid4()),
        reason="again").run_id


def test_reset_of_the_parent(raw: RawClient, names) -> None:
    """A child from before the point stays, and reports to the run that goes on."""
    base = _family(raw, names)
    raw.respond(raw.next_workflow_task(names("pq")), marker("m"))
    run_id = _reset(raw, names, 9)
    assert types(raw.history(names("c"))) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled"]
    assert [c.workflow_id for c in raw.describe(names("p")).pending_children] == [names("c")]
    raw.respond(raw.next_workflow_task(names("pq")))
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    raw.wait_event(
        names("p"), EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, run_id)
    assert types(raw.history(names("p"), base))[-1] == "WorkflowExecutionTerminated"


def test_reset_takes_results_over(raw: RawClient, names) -> None:
    _family(raw, names)
    raw.respond(raw.next_workflow_task(names("pq")))
    raw.respond(raw.next_workflow_task(names("cq")), complete("late"))
    raw.respond(raw.next_workflow_task(names("pq")))
    run_id = _reset(raw, names, 9)
    events = raw.history(names("p"), run_id)
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 StartChildWorkflowExecutionInitiated
        6 ChildWorkflowExecutionStarted
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"}
        10 ChildWorkflowExecutionCompleted {"initiatedEventId": "5", "startedEventId": "6", "result": ["late"]}
        11 WorkflowTaskScheduled
    """)


def test_reset_before_the_child(raw: RawClient, names) -> None:
    """The child goes on; the new run finds its id taken."""
    _family(raw, names)
    raw.wait_event(names("p"), STARTED)
    _reset(raw, names, 4)
    raw.respond(
        raw.next_workflow_task(names("pq")), start_child(names("c"), task_queue=names("cq")))
    raw.wait_event(
        names("p"), EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    assert raw.wait_closed(names("c")).event_type


def test_reset_again_and_again(raw: RawClient, names) -> None:
    _family(raw, names)
    raw.respond(raw.next_workflow_task(names("pq")))
    for _ in range(3):
        run_id = _reset(raw, names, 9)
        raw.respond(raw.next_workflow_task(names("pq")))
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    raw.wait_event(
        names("p"), EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, run_id)


@pytest.mark.parametrize("count", [1, 150])
def test_many_children_are_closed(raw: RawClient, names, count: int) -> None:
    raw.start(names("p"), names("pq"))
    raw.respond(
        raw.next_workflow_task(names("pq")),
        *[start_child(names(f"c{n}"), task_queue=names("cq")) for n in range(count)])
    eventually_sync(lambda: types(raw.history(names("p"))).count(
        "ChildWorkflowExecutionStarted") == count, timeout=30)
    raw.terminate(names("p"))
    query = f"ParentWorkflowId = '{names('p')}' AND ExecutionStatus = 'Terminated'"
    eventually_sync(
        lambda: raw.call("CountWorkflowExecutions", query=query).count == count, timeout=30)


def test_continued_parent_does_not_hear_of_its_child(raw: RawClient, names) -> None:
    _family(raw, names, policy=2)
    raw.respond(
        raw.next_workflow_task(names("pq")), continue_as_new("Raw", names("pq")))
    raw.respond(raw.next_workflow_task(names("cq")), complete())
    raw.wait_closed(names("c"))
    task = raw.next_workflow_task(names("pq"))
    raw.respond(task, complete())
    assert not [name for name in types(raw.history(names("p"))) if "Child" in name]
