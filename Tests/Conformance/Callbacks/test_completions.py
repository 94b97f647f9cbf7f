"""What receivers of completion callbacks are told, and when."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.common.v1 import Callback, Payload, Payloads
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy as Conflict
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import OnConflictOptions

from Support.callbacks import callbacks, states, wait_states
from Support.histories import IDLE, assert_history, find, types
from Support.raw import (
    RawClient, RetryPolicy, cancel_workflow, complete, continue_as_new, execution, fail, failure,
    marker, payload, payloads, seconds,
)
from Support.receiver import Answer, Receiver
from Support.updates import (
    acceptance, answer, both_responses, completion, update_fields, update_with_start_fields,
    wait_until_known,
)

ATTACH = OnConflictOptions(attach_request_id=True, attach_completion_callbacks=True)
USE = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
FAILURE_TYPE = {"type": "temporal.api.failure.v1.Failure"}


def attach(raw: RawClient, names, *made: Any, request_id: str = "") -> None:
    reply = raw.start(
        names(), names.task_queue, workflow_id_conflict_policy=USE, on_conflict_options=ATTACH,
        completion_callbacks=made, request_id=request_id or str(uuid.uuid4()))
    assert not reply.started


def close_with(raw: RawClient, names, *commands: Any) -> None:
    raw.respond(raw.next_workflow_task(names.task_queue), *commands)


def test_success(watched: RawClient, receiver: Receiver, names) -> None:
    run_id = watched.start(
        names("a/b c"), names.task_queue, request_id="starter",
        completion_callbacks=[receiver.callback(
            "/done?token=secret", Nexus_Operation_Token="op-token", x_own="own")]).run_id
    info = callbacks(watched, names("a/b c"))[0]
    assert states(watched, names("a/b c")) == ["STANDBY"]
    assert info.trigger.WhichOneof("variant") == "workflow_closed"
    assert info.callback.nexus.url == receiver.url("/done?token=secret")
    assert dict(info.callback.nexus.header) == {
        "nexus-operation-token": "op-token", "x-own": "own"}
    assert (info.attempt, info.request_id, info.blocked_reason) == (0, "starter", "")
    started = watched.history(names("a/b c"))[0]
    assert info.registration_time == started.event_time
    sent = started.workflow_execution_started_event_attributes.completion_callbacks
    assert [c.nexus.url for c in sent] == [receiver.url("/done?token=secret")]
    assert receiver.received("/done") == []

    close_with(watched, names, complete({"answer": 42}))
    got = receiver.wait("/done")
    assert receiver.queries == ["token=secret"]
    assert got.state == "succeeded"
    assert (got.headers["content-type"], got.json) == ("application/json", {"answer": 42})
    assert got.headers["nexus-operation-token"] == "op-token"
    assert got.headers["x-own"] == "own"
    assert re.fullmatch(
        r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", got.headers["nexus-operation-start-time"])
    close = watched.history(names("a/b c"))[-1].event_time
    assert got.headers["nexus-operation-close-time"] == close.ToJsonString()
    workflow_id = names("a/b c").replace("/", "%2F").replace(" ", "%20")
    assert got.headers["nexus-link"] == (
        f"<temporal:///namespaces/default/workflows/{workflow_id}/{run_id}/history?eventID=1"
        "&eventType=WorkflowExecutionStarted&referenceType=EventReference>; "
        'type="temporal.api.common.v1.Link.WorkflowEvent"')
    info = wait_states(watched, names("a/b c"), "SUCCEEDED")[0]
    assert info.attempt == 1 and not info.HasField("last_attempt_failure")
    assert info.last_attempt_complete_time.ToNanoseconds() >= close.ToNanoseconds()
    assert not info.HasField("next_attempt_schedule_time")


@pytest.mark.parametrize("result, content_type, body", [
    (None, None, b""),
    (Payload(metadata={"encoding": b"binary/null"}), None, b""),
    (Payload(metadata={"encoding": b"binary/plain"}, data=b"\x00\xff"),
     "application/octet-stream", b"\x00\xff"),
    (Payload(metadata={"encoding": b"json/protobuf", "messageType": b"a.B"}, data=b"{}"),
     'application/json; format=protobuf; message-type="a.B"', b"{}"),
    (Payload(metadata={"encoding": b"binary/protobuf", "messageType": b"a.B"}, data=b"\x01"),
     'application/x-protobuf; message-type="a.B"', b"\x01"),
], ids=["nothing", "null", "bytes", "proto-json", "proto"])
def test_results(
    watched: RawClient, receiver: Receiver, names, result: Payload | None,
    content_type: str | None, body: bytes,
) -> None:
    watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/result")])
    command = complete()
    if result is not None:
        command.complete_workflow_execution_command_attributes.result.CopyFrom(
            Payloads(payloads=[result]))
    close_with(watched, names, command)
    got = receiver.wait("/result")
    assert (got.state, got.headers.get("content-type"), got.body) == (
        "succeeded", content_type, body)


def test_an_encrypted_result_is_sent_as_it_is(
    watched: RawClient, receiver: Receiver, names
) -> None:
    sealed = Payload(metadata={"encoding": b"binary/encrypted", "key": b"k"}, data=b"\x01\x02")
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/sealed")])
    command = complete("x")
    command.complete_workflow_execution_command_attributes.result.payloads[0].CopyFrom(sealed)
    close_with(watched, names, command)
    got = receiver.wait("/sealed")
    assert got.headers["content-type"] == "application/x-temporal-payload"
    assert Payload.FromString(got.body) == sealed


def test_failure(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/failed")])
    command = fail("no \"good\"\n")
    inner = failure("because", kind="Inner")
    cause = command.fail_workflow_execution_command_attributes.failure
    cause.stack_trace = "line 1"
    cause.application_failure_info.details.payloads.append(payload("detail"))
    cause.cause.CopyFrom(inner)
    sent = Failure()
    sent.CopyFrom(cause)
    close_with(watched, names, command)
    got = receiver.wait("/failed")
    assert (got.state, got.headers["content-type"]) == ("failed", "application/json")
    body = got.json
    assert (body["message"], body["stackTrace"]) == ("no \"good\"\n", "line 1")
    assert body["metadata"] == FAILURE_TYPE
    details = ParseDict(body["details"], Failure())
    sent.message = sent.stack_trace = ""
    assert details == sent
    assert body["cause"]["message"] == "because"
    assert ParseDict(body["cause"]["details"], Failure()).application_failure_info.type == "Inner"


def test_canceled(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/c")])
    watched.request_cancel(names())
    close_with(watched, names, cancel_workflow("why"))
    got = receiver.wait("/c")
    assert (got.state, got.json["message"]) == ("canceled", "operation canceled")
    details = ParseDict(got.json["details"], Failure())
    assert details.canceled_failure_info.details.payloads[0] == payload("why")


def test_terminated_without_the_reason(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/t")])
    watched.terminate(names(), reason="not for you")
    got = receiver.wait("/t")
    assert got.state == "failed" and b"not for you" not in got.body
    assert got.json == {
        "message": "operation terminated", "metadata": FAILURE_TYPE,
        "details": {"terminatedFailureInfo": {}}}


def test_timed_out(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(
        names(), names.task_queue, run_timeout=1, completion_callbacks=[receiver.callback("/o")])
    got = receiver.wait("/o")
    assert got.state == "failed"
    assert got.json == {
        "message": "operation exceeded internal timeout", "metadata": FAILURE_TYPE,
        "details": {"timeoutFailureInfo": {}}}


def test_everybody_is_told(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(
        names(), names.task_queue,
        completion_callbacks=[receiver.callback(f"/{number}") for number in range(20)])
    close_with(watched, names, complete(1))
    for number in range(20):
        assert receiver.wait(f"/{number}").json == 1
    wait_states(watched, names(), *["SUCCEEDED"] * 20)


# Chains.


def test_continue_as_new(watched: RawClient, receiver: Receiver, names) -> None:
    first = watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/chain")]).run_id
    close_with(watched, names, continue_as_new("Raw", names.task_queue))
    assert states(watched, names(), first) == ["STANDBY"]
    task = watched.next_workflow_task(names.task_queue)
    second = task.workflow_execution.run_id
    assert second != first and states(watched, names(), second) == ["STANDBY"]
    assert find(watched.history(names(), second), "WorkflowExecutionStarted")[
        "completionCallbacks"][0]["nexus"]["url"] == receiver.url("/chain")
    assert receiver.received("/chain") == []
    watched.respond(task, complete("end"))
    assert receiver.wait("/chain").json == "end"
    assert second in receiver.received("/chain")[0].headers["nexus-link"]
    wait_states(watched, names(), "SUCCEEDED", run_id=second)
    assert states(watched, names(), first) == ["STANDBY"]


def test_retried_runs(watched: RawClient, receiver: Receiver, names) -> None:
    first = watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/retry")],
        retry_policy=RetryPolicy(initial_interval=seconds(1), maximum_attempts=2)).run_id
    close_with(watched, names, fail("first"))
    close_with(watched, names, fail("second"))
    assert receiver.wait("/retry").json["message"] == "second"
    assert states(watched, names(), first) == ["STANDBY"]
    assert len(receiver.received("/retry")) == 1


def test_cron(watched: RawClient, receiver: Receiver, names) -> None:
    first = watched.start(
        names(), names.task_queue, cron_schedule="@every 1s",
        completion_callbacks=[receiver.callback("/cron")]).run_id
    close_with(watched, names, complete("first"))
    assert receiver.wait("/cron").json == "first"
    wait_states(watched, names(), "SUCCEEDED", run_id=first)
    assert callbacks(watched, names()) == []
    close_with(watched, names, complete("second"))
    watched.terminate(names())
    time.sleep(0.5)
    assert len(receiver.received("/cron")) == 1


def test_reset(watched: RawClient, receiver: Receiver, names) -> None:
    base = watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/early")]).run_id
    close_with(watched, names, marker("one"))
    attach(watched, names, receiver.callback("/late"))
    new = watched.call(
        "ResetWorkflowExecution", workflow_execution=execution(names(), base), reason="again",
        workflow_task_finish_event_id=4, request_id=str(uuid.uuid4())).run_id
    assert types(watched.history(names(), base))[-1] == "WorkflowExecutionTerminated"
    assert states(watched, names(), base) == ["STANDBY", "STANDBY"]
    assert states(watched, names(), new) == ["STANDBY", "STANDBY"]
    time.sleep(0.3)
    assert receiver.received("/early") == [] == receiver.received("/late")
    close_with(watched, names, complete("anew"))
    for path in ("/early", "/late"):
        assert receiver.wait(path).json == "anew"
        assert new in receiver.received(path)[0].headers["nexus-link"]


def test_reset_of_an_older_run(watched: RawClient, receiver: Receiver, names) -> None:
    """The run that is left for it was not reset: whoever waits for its end is told of it."""
    base = watched.start(names(), names.task_queue).run_id
    close_with(watched, names, complete())
    left = watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/left")]).run_id
    close_with(watched, names)
    attach(watched, names, receiver.callback("/late"))
    new = watched.call(
        "ResetWorkflowExecution", workflow_execution=execution(names(), base), reason="again",
        workflow_task_finish_event_id=4, request_id=str(uuid.uuid4())).run_id
    for path in ("/left", "/late"):
        got = receiver.wait(path)
        assert (got.state, got.json["message"]) == ("failed", "operation terminated")
        assert left in got.headers["nexus-link"]
    wait_states(watched, names(), "SUCCEEDED", "SUCCEEDED", run_id=left)
    assert callbacks(watched, names(), new) == []
    assert_history(watched.history(names(), left), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionOptionsUpdated
        6 WorkflowExecutionTerminated {"identity": "history-resetter"}
    """)
    close_with(watched, names, complete("anew"))
    time.sleep(0.3)
    assert [len(receiver.received(path)) for path in ("/left", "/late")] == [1, 1]


def test_a_run_that_is_replaced_tells(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/old")])
    watched.start(
        names(), names.task_queue, completion_callbacks=[receiver.callback("/new")],
        workflow_id_conflict_policy=Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
    assert receiver.wait("/old").json["message"] == "operation terminated"
    assert states(watched, names()) == ["STANDBY"]
    assert receiver.received("/new") == []


# Attached to a running workflow.


def test_attached(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/first")])
    attach(watched, names, receiver.callback("/second"), request_id="attacher")
    attach(watched, names, receiver.callback("/second"), request_id="attacher")
    assert_history(watched.history(names()), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionOptionsUpdated {"attachedRequestId": "attacher"}
    """)
    event = find(watched.history(names()), "WorkflowExecutionOptionsUpdated")
    assert event["attachedCompletionCallbacks"] == [{"nexus": {"url": receiver.url("/second")}}]
    infos = callbacks(watched, names())
    assert [info.request_id for info in infos][1] == "attacher"
    close_with(watched, names, complete("both"))
    assert receiver.wait("/first").json == receiver.wait("/second").json == "both"
    assert "requestID=attacher" in receiver.received("/second")[0].headers["nexus-link"]
    time.sleep(0.3)
    assert len(receiver.received("/second")) == 1


def test_attached_while_a_task_runs(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue)
    task = watched.next_workflow_task(names.task_queue)
    attach(watched, names, receiver.callback("/buffered"))
    assert states(watched, names()) == ["STANDBY"]
    watched.respond(task)
    assert types(watched.history(names()))[-2:] == [
        "WorkflowExecutionOptionsUpdated", "WorkflowTaskScheduled"]
    close_with(watched, names, complete("late"))
    assert receiver.wait("/buffered").json == "late"


def test_not_attached_without_the_option(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(names(), names.task_queue)
    watched.start(
        names(), names.task_queue, workflow_id_conflict_policy=USE,
        on_conflict_options=OnConflictOptions(attach_request_id=True),
        completion_callbacks=[receiver.callback("/never")])
    assert callbacks(watched, names()) == []


@pytest.mark.parametrize("with_start", [False, True], ids=["alone", "with-start"])
@pytest.mark.parametrize("url", ["", "ftp://refused/"], ids=["allowed", "refused"])
def test_callbacks_of_updates_are_not_looked_at(
    watched: RawClient, receiver: Receiver, names, url: str, with_start: bool
) -> None:
    callback = Callback(nexus={"url": url}) if url else receiver.callback("/update")
    fields = update_fields(names(), "u", 1)
    fields["request"].completion_callbacks.append(callback)
    fields["request"].request_id = "r"
    if with_start:
        sent = watched.begin("ExecuteMultiOperation", **update_with_start_fields(
            watched, names(), names.task_queue, "u", update=fields))
    else:
        watched.start(names(), names.task_queue)
        sent = watched.begin("UpdateWorkflowExecution", **fields)
    wait_until_known(watched, names(), "u", sent)
    task = watched.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(watched, task, acceptance(asked), completion(asked, "done"), then=(complete(),))
    reply = both_responses(sent.result())[1] if with_start else sent.result()
    assert reply.outcome.success == payloads("done")
    assert callbacks(watched, names()) == []
    assert types(watched.history(names())) == [
        *IDLE, "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted",
        "WorkflowExecutionCompleted"]
    time.sleep(0.3)
    assert receiver.received("/update") == []


# Attempts.


def test_tried_again_after_an_error(watched: RawClient, receiver: Receiver, names) -> None:
    receiver.answers("/flaky", 500, 503, 429, Answer(200, body=b"x" * 100_000))
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/flaky")])
    close_with(watched, names, complete("again"))
    receiver.wait("/flaky")
    info = wait_states(watched, names(), "BACKING_OFF")[0]
    assert info.attempt >= 1
    assert info.last_attempt_failure.message.startswith("handler error (")
    assert not info.last_attempt_failure.application_failure_info.non_retryable
    assert info.HasField("next_attempt_schedule_time")
    receiver.wait("/flaky", 4)
    info = wait_states(watched, names(), "SUCCEEDED")[0]
    assert info.attempt == 4 and not info.HasField("last_attempt_failure")
    times = [request.at for request in receiver.received("/flaky")]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps[0] >= 0.23 and gaps[1] >= 0.47 and gaps[2] >= 0.95, gaps
    assert {request.body for request in receiver.received("/flaky")} == {b'"again"'}


@pytest.mark.parametrize("answer, message", [
    (Answer(400), "handler error (BAD_REQUEST): Bad Request"),
    (Answer(401), "handler error (UNAUTHENTICATED): Unauthorized"),
    (Answer(403), "handler error (UNAUTHORIZED): Forbidden"),
    (Answer(404), "handler error (NOT_FOUND): Not Found"),
    (Answer(409), "handler error (CONFLICT): Conflict"),
    (Answer(418), 'unexpected response status: "418"'),
    (Answer(501), "handler error (NOT_IMPLEMENTED): Not Implemented"),
    (Answer(500, {"Nexus-Request-Retryable": "false"}),
     "handler error (INTERNAL): Internal Server Error"),
], ids=["400", "401", "403", "404", "409", "418", "501", "not-retryable"])
def test_given_up(
    watched: RawClient, receiver: Receiver, names, answer: Answer, message: str
) -> None:
    receiver.answers("/refused", answer)
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/refused")])
    close_with(watched, names, complete())
    info = wait_states(watched, names(), "FAILED")[0]
    assert (info.attempt, info.last_attempt_failure.message) == (1, message)
    assert info.last_attempt_failure.application_failure_info.non_retryable
    time.sleep(0.6)
    assert len(receiver.received("/refused")) == 1


@pytest.mark.parametrize("status, message", [
    (408, "handler error (REQUEST_TIMEOUT): Request Timeout"),
    (429, "handler error (RESOURCE_EXHAUSTED): Too Many Requests"),
    (500, "handler error (INTERNAL): Internal Server Error"),
    (502, 'unexpected response status: "502"'),
    (503, "handler error (UNAVAILABLE): Service Unavailable"),
    (520, "handler error (UPSTREAM_TIMEOUT): "),
])
def test_words_for_what_is_tried_again(
    watched: RawClient, receiver: Receiver, names, status: int, message: str
) -> None:
    receiver.answers("/later", status, status, 200)
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/later")])
    close_with(watched, names, complete())
    receiver.wait("/later")
    info = wait_states(watched, names(), "BACKING_OFF")[0]
    assert info.last_attempt_failure.message == message
    assert not info.last_attempt_failure.application_failure_info.non_retryable
    receiver.wait("/later", 3)
    assert wait_states(watched, names(), "SUCCEEDED")[0].attempt == 3


def test_no_redirects(watched: RawClient, receiver: Receiver, names) -> None:
    receiver.answers("/from", Answer(307, {"Location": receiver.url("/to")}), 200)
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/from")])
    close_with(watched, names, complete())
    receiver.wait("/from", 2)
    wait_states(watched, names(), "SUCCEEDED")
    assert receiver.received("/to") == []


def test_a_header_http_cannot_carry(watched: RawClient, receiver: Receiver, names) -> None:
    watched.start(
        names(), names.task_queue,
        completion_callbacks=[receiver.callback("/h", x_evil="a\r\nx-injected: b")])
    close_with(watched, names, complete())
    info = wait_states(watched, names(), "FAILED")[0]
    assert "x-injected" not in info.last_attempt_failure.message
    assert receiver.received("/h") == []


def test_a_receiver_that_comes_back(watched: RawClient, names) -> None:
    receiver = Receiver()
    port = receiver.port
    receiver.close()
    watched.start(names(), names.task_queue, completion_callbacks=[receiver.callback("/back")])
    close_with(watched, names, complete("patience"))
    info = wait_states(watched, names(), "BACKING_OFF")[0]
    assert "/back" not in info.last_attempt_failure.message
    again = Receiver(port)
    try:
        assert again.wait("/back").json == "patience"
        wait_states(watched, names(), "SUCCEEDED")
    finally:
        again.close()


def test_nothing_is_logged(watched: RawClient, watching_server, receiver: Receiver, names) -> None:
    receiver.answers("/quiet", 500, 400)
    watched.start(
        names(), names.task_queue,
        completion_callbacks=[receiver.callback("/quiet?key=urlsecret", x_key="headersecret")])
    close_with(watched, names, complete("bodysecret"))
    wait_states(watched, names(), "FAILED")
    log = watching_server.log_path.read_text(errors="replace")
    for secret in ("urlsecret", "headersecret", "bodysecret"):
        assert secret not in log
