"""Limits on updates, settings that turn them off, and paused workflows."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import (
    ResourceExhaustedCause, ResourceExhaustedScope, SuggestContinueAsNewReason)

from Support.errors import RPCFailure, expect_error
from Support.histories import types
from Support.raw import RawClient, marker, payloads
from Support.updates import (
    ACCEPTED, accept_update, acceptance, answer, begin_update, complete_update, completion, idle,
    poll_update, rejection, update)


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


def expect_concurrent_limit(caught: RPCFailure) -> None:
    assert caught.detail.cause == ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT
    assert caught.detail.scope == ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE


def test_ten_in_flight(raw: RawClient, names) -> None:
    idle(raw, names)
    sent = [begin_update(raw, names(), f"u{n}") for n in range(10)]
    with expect_error(
        "RESOURCE_EXHAUSTED", detail="ResourceExhaustedFailure",
        match=r"^limit on number of concurrent in-flight updates has been reached \(10\)$",
    ) as caught:
        update(raw, names(), "one-too-many")
    expect_concurrent_limit(caught)
    with expect_error("NOT_FOUND", match='^update "one-too-many" not found$'):
        poll_update(raw, names(), "one-too-many")
    task = raw.next_workflow_task(names.task_queue)
    assert len(task.messages) == 10
    answer(raw, task, *(rejection(asked) for asked in task.messages))
    assert [future.result().outcome.failure.message for future in sent] == ["no"] * 10
    assert len(raw.history(names())) == 4
    assert complete_update(raw, names, "one-too-many", result=1).outcome.success == payloads(1)


def test_accepted_updates_are_in_flight(limited, names) -> None:
    raw = limited(history__maxInFlightUpdates=1)
    idle(raw, names)
    asked = accept_update(raw, names, "first")
    with expect_error("RESOURCE_EXHAUSTED", match=r"has been reached \(1\)$") as caught:
        update(raw, names(), "second")
    expect_concurrent_limit(caught)
    assert update(raw, names(), "first", stage=ACCEPTED).stage == ACCEPTED, "known ids may come"
    raw.signal(names(), "s")
    answer(raw, raw.next_workflow_task(names.task_queue), completion(asked, 1))
    assert complete_update(raw, names, "second", result=2).outcome.success == payloads(2)
    assert types(raw.history(names())).count("WorkflowExecutionUpdateAccepted") == 2


def test_bytes_in_flight(limited, names) -> None:
    raw = limited(history__maxInFlightUpdatePayloads=3000)
    idle(raw, names)
    sent = begin_update(raw, names(), "small", "x" * 1000)
    with expect_error(
        "RESOURCE_EXHAUSTED", detail="ResourceExhaustedFailure",
        match=r"^limit on total payload size of in-flight updates has been reached "
              r"\(3000 bytes\)$") as caught:
        update(raw, names(), "large", "x" * 2500)
    expect_concurrent_limit(caught)
    with expect_error("NOT_FOUND", match='^update "large" not found$'):
        poll_update(raw, names(), "large")
    task = raw.next_workflow_task(names.task_queue)
    assert [m.protocol_instance_id for m in task.messages] == ["small"]
    answer(raw, task, rejection(task.messages[0]))
    assert sent.result().outcome.failure.message == "no"
    assert len(raw.history(names())) == 4
    assert complete_update(
        raw, names, "large", "x" * 2500, result=1).outcome.success == payloads(1)


def test_updates_of_one_run(limited, names) -> None:
    raw = limited(history__maxTotalUpdates=2)
    idle(raw, names)
    complete_update(raw, names, "first", result=1)
    sent = begin_update(raw, names(), "rejected")
    task = raw.next_workflow_task(names.task_queue)
    answer(raw, task, rejection(task.messages[0]))
    assert sent.result().outcome.failure.message == "no"
    complete_update(raw, names, "second", result=2)
    text = (r"^The limit on the total number of distinct updates in this workflow has been "
            r"reached \(2\)\. Make sure any duplicate updates share an Update ID so the server "
            r"can deduplicate them, and consider rejecting updates that you aren't going to "
            r"process\. You can also Continue-as-New to avoid this; we recommend you check "
            r"Continue-as-New Suggested in your Workflow\.$")
    with expect_error("FAILED_PRECONDITION", match=text):
        update(raw, names(), "third")
    assert update(raw, names(), "first").outcome.success == payloads(1)
    assert types(raw.history(names())).count("WorkflowExecutionUpdateCompleted") == 2


def test_continue_as_new_is_suggested(limited, names) -> None:
    raw = limited(
        history__maxTotalUpdates=3, history__maxTotalUpdates__suggestContinueAsNewThreshold=0.5)
    idle(raw, names)
    for count, suggested in ((1, False), (2, True)):
        sent = begin_update(raw, names(), f"u{count}")
        task = raw.next_workflow_task(names.task_queue)
        started = task.history.events[-1].workflow_task_started_event_attributes
        assert started.suggest_continue_as_new == suggested
        reason = SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES
        assert (reason in started.suggest_continue_as_new_reasons) == suggested
        asked = task.messages[0]
        answer(raw, task, acceptance(asked), completion(asked, count))
        assert sent.result().outcome.success == payloads(count)
    kept = [e for e in raw.history(names()) if e.HasField("workflow_task_started_event_attributes")]
    assert [e.workflow_task_started_event_attributes.suggest_continue_as_new for e in kept] == [
        False, False, True]


def test_paused_workflow(limited, names) -> None:
    raw = limited(frontend__WorkflowPauseEnabled="true")
    idle(raw, names)
    raw.call("PauseWorkflowExecution", workflow_id=names(), request_id="p", reason="wait")
    with expect_error(
        "FAILED_PRECONDITION", match=r"^Workflow is paused\. Cannot update the workflow\.$"):
        update(raw, names(), "u")
    assert types(raw.history(names()))[4:] == ["WorkflowExecutionPaused"]
    raw.call("UnpauseWorkflowExecution", workflow_id=names(), request_id="u", reason="go")
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    asked = task.messages[0]
    answer(raw, task, acceptance(asked), completion(asked, 1))
    assert sent.result().outcome.success == payloads(1)


def test_updates_turned_off(limited, names) -> None:
    raw = limited(frontend__enableUpdateWorkflowExecution="false")
    idle(raw, names)
    text = r"^UpdateWorkflowExecution operation is disabled on this namespace\.$"
    for call in (lambda: update(raw, names(), "u"), lambda: poll_update(raw, names(), "u")):
        with expect_error("PERMISSION_DENIED", detail="PermissionDeniedFailure", match=text):
            call()
    assert len(raw.history(names())) == 4


def test_waiting_for_acceptance_turned_off(limited, names) -> None:
    raw = limited(frontend__enableUpdateWorkflowExecutionAsyncAccepted="false")
    idle(raw, names)
    text = (r"^UpdateWorkflowExecution issued asynchronously and waiting on update accepted is "
            r"disabled on this namespace\.$")
    with expect_error("PERMISSION_DENIED", detail="PermissionDeniedFailure", match=text):
        update(raw, names(), "u", stage=ACCEPTED)
    assert complete_update(raw, names, "u", result=1).outcome.success == payloads(1)


def test_fewer_events_with_a_rejection(limited, names) -> None:
    """How many events a rejected task may have shipped and still vanish."""
    raw = limited(history__discardSpeculativeWorkflowTaskMaximumEventsCount=0)
    idle(raw, names, marker("m"))
    sent = begin_update(raw, names(), "u")
    task = raw.next_workflow_task(names.task_queue)
    capable = {"discard_speculative_workflow_task_with_events": True}
    reply = answer(raw, task, rejection(task.messages[0]), capabilities=capable)
    assert reply.reset_history_event_id == 0
    assert sent.result().outcome.failure.message == "no"
    assert types(raw.history(names()))[4:] == [
        "MarkerRecorded", "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"]
