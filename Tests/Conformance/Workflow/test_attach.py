"""Starts that meet a running workflow and leave something there; options of running workflows."""

from __future__ import annotations

from temporalio.api.common.v1 import Link, Priority
from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy as Conflict
from temporalio.api.workflow.v1 import (
    OnConflictOptions, VersioningOverride, WorkflowExecutionOptions,
)
from google.protobuf.field_mask_pb2 import FieldMask

from Support.histories import assert_history, find, types
from Support.raw import RawClient, complete, execution

USE = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
OPTIONS_UPDATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


def _attach(raw: RawClient, names, request_id: str, **fields):
    options = fields.pop("options", OnConflictOptions(attach_request_id=True))
    return raw.start(
        names(), names.task_queue, request_id=request_id, workflow_id_conflict_policy=USE,
        on_conflict_options=options, **fields)


def _link(run_id: str) -> Link:
    return Link(workflow_event=Link.WorkflowEvent(
        namespace="default", workflow_id="other", run_id=run_id,
        event_ref=Link.WorkflowEvent.EventReference(event_id=1, event_type=STARTED)))


def test_a_request_is_attached(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, request_id="first").run_id
    reply = _attach(raw, names, "second")
    assert (reply.run_id, reply.started) == (run_id, False)
    reference = reply.link.workflow_event.request_id_ref
    assert (reference.request_id, reference.event_type) == ("second", OPTIONS_UPDATED)
    events = raw.history(names())
    assert_history(events, """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionOptionsUpdated {"attachedRequestId": "second"}
    """)
    assert events[2].worker_may_ignore and not events[2].links
    infos = raw.describe(names()).workflow_extended_info.request_id_infos
    assert (infos["first"].event_type, infos["first"].event_id) == (STARTED, 1)
    assert (infos["second"].event_type, infos["second"].event_id) == (OPTIONS_UPDATED, 3)
    assert not infos["second"].buffered


def test_an_attached_request_is_known_again(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    _attach(raw, names, "again")
    for policy in (USE, Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL):
        reply = raw.start(
            names(), names.task_queue, request_id="again", workflow_id_conflict_policy=policy)
        assert (reply.run_id, reply.started) == (run_id, False)
        assert reply.link.workflow_event.request_id_ref.request_id == "again"
    assert types(raw.history(names())).count("WorkflowExecutionOptionsUpdated") == 1
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    reply = raw.start(names(), names.task_queue, request_id="again")
    assert (reply.run_id, reply.started, reply.status) == (run_id, False, 2)


def test_options_without_a_request_id(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    reply = _attach(
        raw, names, "not kept", options=OnConflictOptions(attach_links=True),
        links=[_link("a" * 36)])
    assert reply.link.workflow_event.event_ref.event_id == 1
    event = raw.history(names())[-1]
    assert event.links[0].workflow_event.workflow_id == "other"
    assert not find([event], "WorkflowExecutionOptionsUpdated").get("attachedRequestId")
    assert "not kept" not in raw.describe(names()).workflow_extended_info.request_id_infos


def test_without_options_nothing_is_written(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    reply = raw.start(
        names(), names.task_queue, workflow_id_conflict_policy=USE, links=[_link("b" * 36)])
    assert not reply.started and reply.link.workflow_event.event_ref.event_id == 1
    assert len(raw.history(names())) == 2


def test_options_do_not_matter_to_a_new_workflow(raw: RawClient, names) -> None:
    assert _attach(raw, names, "brand new").started
    assert types(raw.history(names())) == ["WorkflowExecutionStarted", "WorkflowTaskScheduled"]


def test_attached_while_a_task_runs(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    reply = _attach(raw, names, "waits")
    assert reply.link.workflow_event.request_id_ref.request_id == "waits"
    info = raw.describe(names()).workflow_extended_info.request_id_infos["waits"]
    assert info.buffered and info.event_id == 0
    raw.respond(task)
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionOptionsUpdated {"attachedRequestId": "waits"}
        6 WorkflowTaskScheduled
    """)
    info = raw.describe(names()).workflow_extended_info.request_id_infos["waits"]
    assert (info.buffered, info.event_id) == (False, 5)


def test_only_so_many_requests_are_remembered(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, request_id="starter")
    for number in range(30):
        _attach(raw, names, f"request-{number}")
    infos = raw.describe(names()).workflow_extended_info.request_id_infos
    assert set(infos) == {"starter", *(f"request-{number}" for number in range(5, 30))}


def test_attached_requests_do_not_outlive_the_run(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    _attach(raw, names, "mine")
    raw.terminate(names())
    raw.start(names(), names.task_queue)
    assert _attach(raw, names, "mine").started is False
    assert types(raw.history(names()))[-1] == "WorkflowExecutionOptionsUpdated"


def test_signals_answer_with_a_link(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    reply = raw.call(
        "SignalWorkflowExecution", workflow_execution=execution(names()), signal_name="s",
        request_id="signal-1")
    event = reply.link.workflow_event
    assert (event.namespace, event.workflow_id, event.run_id) == ("default", names(), run_id)
    assert event.request_id_ref.request_id == "signal-1"
    assert event.request_id_ref.event_type == SIGNALED
    both = raw.signal_with_start(names(), names.task_queue, "s", request_id="signal-2")
    assert both.signal_link.workflow_event.request_id_ref.request_id == "signal-2"
    assert both.signal_link.workflow_event.run_id == run_id


# UpdateWorkflowExecutionOptions.


def _update(raw: RawClient, names, *paths: str, identity: str = "operator", **options):
    return raw.call(
        "UpdateWorkflowExecutionOptions", workflow_execution=execution(names()),
        workflow_execution_options=WorkflowExecutionOptions(**options),
        update_mask=FieldMask(paths=paths), identity=identity).workflow_execution_options


AUTO = VersioningOverride(auto_upgrade=True)


def test_an_override_is_set_and_unset(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    assert _update(raw, names, "versioning_override", versioning_override=AUTO) == (
        WorkflowExecutionOptions(versioning_override=AUTO))
    info = raw.describe(names()).workflow_execution_info.versioning_info
    assert info.versioning_override == AUTO
    _update(raw, names, "versioning_override", versioning_override=AUTO)
    assert _update(raw, names, "versioning_override") == WorkflowExecutionOptions()
    assert not raw.describe(names()).workflow_execution_info.HasField("versioning_info")
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionOptionsUpdated {"versioningOverride": {"autoUpgrade": true}, "identity": "operator"}
        4 WorkflowExecutionOptionsUpdated {"unsetVersioningOverride": true}
    """)


def test_an_override_from_the_start(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, versioning_override=AUTO)
    assert find(raw.history(names()), "WorkflowExecutionStarted")["versioningOverride"] == {
        "autoUpgrade": True}
    info = raw.describe(names()).workflow_execution_info.versioning_info
    assert info.versioning_override == AUTO


def test_a_priority_is_changed_in_parts(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, priority=Priority(priority_key=3, fairness_key="a"))
    after = _update(
        raw, names, "priority.priority_key", priority=Priority(priority_key=1, fairness_key="b"))
    assert after.priority == Priority(priority_key=1, fairness_key="a")
    assert raw.describe(names()).workflow_execution_info.priority == after.priority
    # The task that is waiting is still the workflow's only one.
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert_history(raw.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionOptionsUpdated {"priority": {"priorityKey": 1, "fairnessKey": "a"}}
        4 WorkflowTaskStarted
        5 WorkflowTaskCompleted
        6 WorkflowExecutionCompleted
    """)


def test_no_change_writes_nothing(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, priority=Priority(priority_key=2))
    _update(raw, names, "priority", priority=Priority(priority_key=2))
    _update(raw, names)
    assert len(raw.history(names())) == 2
