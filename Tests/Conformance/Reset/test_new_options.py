"""Resets that change the workflow's options before its new run goes on."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflow.v1 import (
    PostResetOperation, VersioningOverride, WorkflowExecutionOptions)

from Reset.test_resets import reset
from Support.histories import IDLE, assert_history, find, types
from Support.raw import RawClient, complete, marker, schedule_activity

UPDATED = "WorkflowExecutionOptionsUpdated"
FORKED = [*IDLE[:3], "WorkflowTaskFailed"]


def change(*paths: str, **options: Any) -> PostResetOperation:
    """The operation that sets what the paths name."""
    return PostResetOperation(update_workflow_options=PostResetOperation.UpdateWorkflowOptions(
        workflow_execution_options=WorkflowExecutionOptions(**options),
        update_mask=FieldMask(paths=paths)))


def prioritized(key: int, *paths: str, **more: Any) -> PostResetOperation:
    return change(
        *(paths or ("priority",)), priority=Priority(priority_key=key, **more))


def begin(raw: RawClient, names, **options: Any) -> str:
    """A run whose first task is done, and that a signal waits for."""
    run_id = raw.start(names(), names.task_queue, **options).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), marker("one"))
    raw.signal(names(), "s")
    return run_id


def shown(raw: RawClient, names, run_id: str = "") -> Priority:
    return raw.describe(names(), run_id).workflow_execution_info.priority


def test_priority(raw: RawClient, names) -> None:
    """The event comes after what is taken over, and before the task that sees both."""
    base = begin(raw, names)
    run_id = reset(
        raw, names(), 4, post_reset_operations=[prioritized(1)], identity="somebody")
    events = raw.history(names(), run_id)
    assert_history(events, f"""
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW", "baseRunId": "{base}"}}
        5 WorkflowExecutionSignaled
        6 WorkflowExecutionOptionsUpdated {{"priority": {{"priorityKey": 1}}, "unsetVersioningOverride": true}}
        7 WorkflowTaskScheduled
    """)
    assert "identity" not in find(events, UPDATED), "nobody is named"
    assert shown(raw, names, run_id).priority_key == 1
    assert shown(raw, names, base).priority_key == 0
    assert UPDATED not in types(raw.history(names(), base))


def test_priority_of_what_comes_then(raw: RawClient, names) -> None:
    begin(raw, names, priority=Priority(priority_key=4))
    reset(raw, names(), 4, post_reset_operations=[prioritized(2)])
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        schedule_activity("a", names.task_queue, start_to_close=60))
    assert raw.next_activity_task(names.task_queue).priority.priority_key == 2


def test_parts_of_a_priority(raw: RawClient, names) -> None:
    begin(raw, names, priority=Priority(priority_key=4, fairness_key="kept", fairness_weight=2))
    run_id = reset(raw, names(), 4, post_reset_operations=[
        prioritized(1, "priority.priority_key", "priority.fairness_weight", fairness_key="not"),
    ])
    expected = {"priorityKey": 1, "fairnessKey": "kept"}
    assert find(raw.history(names(), run_id), UPDATED)["priority"] == expected
    assert shown(raw, names) == Priority(priority_key=1, fairness_key="kept")


def test_priority_is_not_taken_away(raw: RawClient, names) -> None:
    """An event without a priority says nothing of it, also if the lack of one was asked for."""
    begin(raw, names, priority=Priority(priority_key=4))
    run_id = reset(raw, names(), 4, post_reset_operations=[change("priority")])
    events = raw.history(names(), run_id)
    assert types(events) == [
        *FORKED, "WorkflowExecutionSignaled", UPDATED, "WorkflowTaskScheduled"]
    assert "priority" not in find(events, UPDATED)
    assert shown(raw, names).priority_key == 4


def test_auto_upgrade(raw: RawClient, names) -> None:
    begin(raw, names)
    override = VersioningOverride(auto_upgrade=True)
    run_id = reset(raw, names(), 4, post_reset_operations=[
        change("versioning_override", versioning_override=override)])
    assert types(raw.history(names(), run_id)) == [
        *FORKED, "WorkflowExecutionSignaled", UPDATED, "WorkflowTaskScheduled"]
    updated = find(raw.history(names(), run_id), UPDATED)
    assert updated["versioningOverride"]["autoUpgrade"] is True
    assert not {"unsetVersioningOverride", "priority", "identity"} & set(updated)
    info = raw.describe(names()).workflow_execution_info.versioning_info
    assert info.versioning_override.auto_upgrade
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert types(raw.history(names(), run_id))[-1] == "WorkflowExecutionCompleted"


def test_one_after_the_other(raw: RawClient, names) -> None:
    begin(raw, names)
    run_id = reset(
        raw, names(), 4, post_reset_operations=[
            prioritized(5), prioritized(5), prioritized(3, fairness_key="f"),
            prioritized(0, "priority.priority_key")],
        reset_reapply_exclude_types=[
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL])
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed
        5 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 5}}
        6 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 3, "fairnessKey": "f"}}
        7 WorkflowExecutionOptionsUpdated {"priority": {"fairnessKey": "f"}}
        8 WorkflowTaskScheduled
    """)


@pytest.mark.parametrize("operation", [
    prioritized(4), prioritized(2, "priority.fairness_key"), change("versioning_override"),
    change(priority=Priority(priority_key=1)), PostResetOperation(update_workflow_options={}),
], ids=["same", "same-part", "no-override", "empty-mask", "nothing"])
def test_no_event_without_a_change(
    raw: RawClient, names, operation: PostResetOperation
) -> None:
    begin(raw, names, priority=Priority(priority_key=4))
    run_id = reset(raw, names(), 4, post_reset_operations=[operation])
    assert types(raw.history(names(), run_id)) == [
        *FORKED, "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]
    assert shown(raw, names) == Priority(priority_key=4)


def test_options_changed_after_the_point(raw: RawClient, names) -> None:
    """They are taken over first, and changed by the operation then."""
    base = begin(raw, names)
    for key in (5, 4):
        raw.call(
            "UpdateWorkflowExecutionOptions", workflow_execution={"workflow_id": names()},
            workflow_execution_options=WorkflowExecutionOptions(
                priority=Priority(priority_key=key)),
            update_mask=FieldMask(paths=["priority"]))
    run_id = reset(raw, names(), 4, run_id=base, post_reset_operations=[prioritized(1)])
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed
        5 WorkflowExecutionSignaled
        6 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 5}}
        7 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 4}}
        8 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 1}}
        9 WorkflowTaskScheduled
    """)


def test_a_reset_of_the_reset(raw: RawClient, names) -> None:
    """What the operation changed is an event like any other: taken over, or from before."""
    begin(raw, names)
    second = reset(raw, names(), 4, post_reset_operations=[prioritized(1)])
    raw.respond(raw.next_workflow_task(names.task_queue), marker("two"))
    for point in (9, 4):
        run_id = reset(raw, names(), point, run_id=second)
        updated = [
            event for event in types(raw.history(names(), run_id)) if event == UPDATED]
        assert updated == [UPDATED], point
        assert shown(raw, names, run_id).priority_key == 1
