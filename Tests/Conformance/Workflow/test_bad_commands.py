"""Commands that say nothing: each fails the workflow task with the cause of its own type."""

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, WorkflowTaskFailedCause

from Support.errors import expect_error
from Support.histories import find, types
from Support.raw import RawClient, complete

CAUSES = {
    "SCHEDULE_ACTIVITY_TASK": "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES",
    "REQUEST_CANCEL_ACTIVITY_TASK": "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
    "START_TIMER": "BAD_START_TIMER_ATTRIBUTES",
    "CANCEL_TIMER": "BAD_CANCEL_TIMER_ATTRIBUTES",
    "RECORD_MARKER": "BAD_RECORD_MARKER_ATTRIBUTES",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": "BAD_SEARCH_ATTRIBUTES",
    "MODIFY_WORKFLOW_PROPERTIES": "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
    "COMPLETE_WORKFLOW_EXECUTION": "BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES",
    "FAIL_WORKFLOW_EXECUTION": "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
    "CANCEL_WORKFLOW_EXECUTION": "BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES",
    "CONTINUE_AS_NEW_WORKFLOW_EXECUTION": "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
    "PROTOCOL_MESSAGE": "BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE",
    "START_CHILD_WORKFLOW_EXECUTION": "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION": "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION":
        "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
    "SCHEDULE_NEXUS_OPERATION": "BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES",
    "REQUEST_CANCEL_NEXUS_OPERATION": "BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES",
}

UNKNOWN_OPERATIONS = {
    "SCHEDULE_NEXUS_OPERATION": (
        {"endpoint": "nowhere", "service": "s", "operation": "o"}, 'endpoint "nowhere" not found'),
    "REQUEST_CANCEL_NEXUS_OPERATION": (
        {"scheduled_event_id": 5},
        "requested cancelation for a non-existing or already completed operation with scheduled "
        "event ID of 5"),
}


def expect_failed(raw: RawClient, names, command: Command, text: str) -> None:
    """The command fails its task, and a later attempt goes on."""
    kind = CommandType.Name(command.command_type).removeprefix("COMMAND_TYPE_")
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT", match=text):
        raw.respond(task, command)
    events = raw.stored_history(names())
    assert types(events) == [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskFailed"]
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == f"WORKFLOW_TASK_FAILED_CAUSE_{CAUSES[kind]}"
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names()))[-1] == "WorkflowExecutionCompleted"


def test_every_type_is_in_the_table() -> None:
    named = {name.removeprefix("COMMAND_TYPE_") for name in CommandType.keys()}
    assert set(CAUSES) == named - {"UNSPECIFIED"}
    assert {f"WORKFLOW_TASK_FAILED_CAUSE_{cause}" for cause in CAUSES.values()} <= set(
        WorkflowTaskFailedCause.keys())


@pytest.mark.parametrize("kind", CAUSES)
def test_command_without_attributes(raw: RawClient, names, kind: str) -> None:
    command = Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"))
    expect_failed(raw, names, command, "is not set on|empty .*Attributes")


@pytest.mark.parametrize("kind", UNKNOWN_OPERATIONS)
def test_unknown_nexus_operation(raw: RawClient, names, kind: str) -> None:
    attributes, text = UNKNOWN_OPERATIONS[kind]
    command = Command(
        command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"),
        **{f"{kind.lower()}_command_attributes": attributes})
    expect_failed(raw, names, command, text)


def test_command_of_no_type(raw: RawClient, names) -> None:
    """A command that no server could know is the client's mistake: the task stays."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT", match="Unknown command type"):
        raw.respond(task, Command())
    raw.respond(task, complete())
