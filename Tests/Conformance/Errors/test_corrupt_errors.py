"""What is told of a database whose rows were damaged: data loss, of what, and no more than that."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Iterator

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History

from Support.histories import IDLE, types
from Support.raw import RawClient, complete, execution, schedule_activity, start_timer
from Support.refusals import Refusal
from Support.server import TargetServer

pytestmark = pytest.mark.sqlite_files

BATCH = "UPDATE history_nodes SET events = ? WHERE workflow_id = ? AND first_event_id = 1"
# What is damaged, and how, by the id of the workflow.
DAMAGES = {
    "unreadable-batch": [(BATCH, b"\xff")],
    "missing-batch": [("DELETE FROM history_nodes WHERE ? <> '' AND workflow_id = ? "
                       "AND first_event_id = 1", b"x")],
    "unreadable-state": [("UPDATE executions SET info = ? WHERE workflow_id = ?", b"\xff")],
    "unreadable-item": [("UPDATE execution_items SET item = ? WHERE workflow_id = ?", b"\xff")],
    "unreadable-list": [
        ("UPDATE executions_visibility SET memo = ? WHERE workflow_id = ?", b"\xff")],
}
ACTIVITIES = {
    "unreadable-activity": [("UPDATE executions SET info = ? WHERE workflow_id = ?", b"\xff")],
    "unreadable-activity-list": [(
        "UPDATE executions_visibility SET search_attribute_payloads = ? WHERE workflow_id = ?",
        b"\xff")],
}
SENSELESS, SOUND = "senseless-history", "sound"
NAMESPACE = "unreadable-namespace"


def _make(raw: RawClient, workflow_id: str) -> None:
    """A workflow with an activity that waits and a timer."""
    raw.start(workflow_id, f"{workflow_id}-q")
    raw.respond(
        raw.next_workflow_task(f"{workflow_id}-q"), start_timer("t", 3600),
        schedule_activity("a", f"{workflow_id}-aq", start_to_close=3600))


def _senseless(connection: sqlite3.Connection) -> None:
    """Events that can be read and follow each other, but make no sense."""
    (stored,) = connection.execute(
        "SELECT events FROM history_nodes WHERE workflow_id = ? AND first_event_id = 1",
        (SENSELESS,)).fetchone()
    history = History.FromString(stored)
    event = history.events[-1]
    event.event_type = EventType.EVENT_TYPE_TIMER_FIRED
    event.timer_fired_event_attributes.timer_id = "never started"
    connection.execute(BATCH, (history.SerializeToString(), SENSELESS))


def _damage(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for workflow_id, damages in {**DAMAGES, **ACTIVITIES}.items():
            for statement, value in damages:
                assert connection.execute(statement, (value, workflow_id)).rowcount > 0
        _senseless(connection)
        assert connection.execute(
            "UPDATE namespaces SET record = ? WHERE name = ?", (b"\xff", NAMESPACE)).rowcount == 1
    connection.close()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TargetServer]:
    """A server on a file that was damaged while it did not run."""
    directory = tmp_path_factory.mktemp("damaged")
    server = TargetServer(directory, db_filename=directory / "server.sqlite").start()
    raw = RawClient(server.address)
    for workflow_id in (*DAMAGES, SENSELESS, SOUND):
        _make(raw, workflow_id)
    raw.call("RegisterNamespace", namespace=NAMESPACE, workflow_execution_retention_period={
        "seconds": 86_400})
    for activity_id in ACTIVITIES:
        raw.start_activity(activity_id, f"{activity_id}-q")
    raw.close()
    server.stop()
    _damage(directory / "server.sqlite")
    yield server.start()
    server.stop()


@pytest.fixture
def client(damaged: TargetServer) -> Iterator[RawClient]:
    made = RawClient(damaged.address)
    yield made
    assert damaged.is_alive, damaged.log_tail()
    made.close()


def lost(rpc: str, workflow_id: str, fields: dict, what: str) -> Refusal:
    return Refusal(rpc, workflow_id, fields, "DATA_LOSS", f"^{what}$")


HISTORY = "the workflow's stored history is corrupt"
STATE = "the workflow's stored state is corrupt"


def reads(workflow_id: str) -> list[Refusal]:
    return [lost(rpc, workflow_id, {"execution": execution(workflow_id)}, HISTORY)
            for rpc in ("GetWorkflowExecutionHistory", "GetWorkflowExecutionHistoryReverse")]


def reset(workflow_id: str, what: str) -> Refusal:
    return lost("ResetWorkflowExecution", workflow_id, {
        "workflow_execution": execution(workflow_id), "workflow_task_finish_event_id": 4,
        "request_id": str(uuid.uuid4()), "reason": "try"}, what)


def everything(workflow_id: str) -> list[Refusal]:
    """Whatever is asked of a workflow whose state cannot be read."""
    named = {"workflow_execution": execution(workflow_id)}
    return [lost(rpc, workflow_id, fields, STATE) for rpc, fields in (
        ("GetWorkflowExecutionHistory", {"execution": execution(workflow_id)}),
        ("GetWorkflowExecutionHistoryReverse", {"execution": execution(workflow_id)}),
        ("DescribeWorkflowExecution", {"execution": execution(workflow_id)}),
        ("QueryWorkflow", {"execution": execution(workflow_id), "query": {"query_type": "q"}}),
        ("SignalWorkflowExecution", {**named, "signal_name": "s", "request_id": "r"}),
        ("RequestCancelWorkflowExecution", {**named, "request_id": "r"}),
        ("TerminateWorkflowExecution", named),
        ("UpdateWorkflowExecution", {**named, "request": {
            "meta": {"update_id": "u"}, "input": {"name": "n"}}}),
        ("StartWorkflowExecution", {
            "workflow_id": workflow_id, "workflow_type": {"name": "Raw"},
            "task_queue": {"name": "q"}, "request_id": "r"}),
        ("RespondActivityTaskCompletedById", {"workflow_id": workflow_id, "activity_id": "a"}),
        ("PauseActivity", {"execution": execution(workflow_id), "id": "a"}),
    )] + [reset(workflow_id, STATE)]


TABLE: list[Refusal] = [
    *[row for workflow_id in ("unreadable-batch", "missing-batch")
      for row in (*reads(workflow_id), reset(workflow_id, HISTORY))],
    reset(SENSELESS, HISTORY),
    *everything("unreadable-state"), *everything("unreadable-item"),
    lost("ListWorkflowExecutions", "unreadable-list", {
        "query": "WorkflowId = 'unreadable-list'"},
        "the visibility record of a run cannot be read"),
    *[lost(rpc, "unreadable-activity", {"activity_id": "unreadable-activity", **fields}, STATE)
      for rpc, fields in (
          ("DescribeActivityExecution", {}),
          ("RequestCancelActivityExecution", {"request_id": "r"}),
          ("TerminateActivityExecution", {"request_id": "r", "reason": "x"}))],
    *[lost(rpc, NAMESPACE, {"namespace": NAMESPACE, **fields},
           f"the record of namespace {NAMESPACE} cannot be read") for rpc, fields in (
               ("DescribeNamespace", {}), ("UpdateNamespace", {}),
               ("DescribeWorkflowExecution", {"execution": execution("w")}))],
    lost("ListActivityExecutions", "unreadable-activity-list", {
        "query": "ActivityId = 'unreadable-activity-list'"},
        "the visibility record of an activity cannot be read"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_told(client: RawClient, names, row: Refusal) -> None:
    row.check(client, names())


def test_damaged_history_is_no_concern_of_the_state(client: RawClient) -> None:
    """What does not need the events that are gone goes on."""
    for workflow_id in ("unreadable-batch", "missing-batch", SENSELESS):
        info = client.describe(workflow_id)
        assert info.workflow_execution_info.history_length == 6
        assert [activity.activity_id for activity in info.pending_activities] == ["a"]
        client.signal(workflow_id, "s")


def test_others_go_on(client: RawClient) -> None:
    """A workflow beside the damaged ones is as it was."""
    for row in TABLE[:3]:
        row.check(client, "other")
    client.complete_activity(client.next_activity_task(f"{SOUND}-aq"))
    client.respond(client.next_workflow_task(f"{SOUND}-q"), complete())
    assert types(client.history(SOUND)) == [
        *IDLE, "TimerStarted", "ActivityTaskScheduled", "ActivityTaskStarted",
        "ActivityTaskCompleted", *IDLE[1:], "WorkflowExecutionCompleted"]
