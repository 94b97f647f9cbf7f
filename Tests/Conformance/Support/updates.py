"""Updates by hand: what a client sends, and the messages a worker answers with."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message as ProtoMessage
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, UpdateWorkflowExecutionLifecycleStage as Stage
from temporalio.api.errordetails.v1 import message_pb2 as details_pb2
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import (
    Acceptance, Input, Meta, Outcome, Rejection, Request, Response, UpdateRef, WaitPolicy,
)

from .errors import RPCFailure, expect_error
from .raw import IDENTITY, RawClient, execution, failure, payloads, ws
from .sdk import eventually_sync

ADMITTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
ACCEPTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED

CLOSING = "^workflow update was aborted by closing workflow$"
TASK_FAILED = (
    r"^Unable to perform workflow execution update due to unexpected workflow task failure\.$")


# What a client does.


def update_fields(
    workflow_id: str, update_id: str, *values: Any, name: str = "change", run_id: str = "",
    stage: int = COMPLETED, first_run_id: str = "",
) -> dict[str, Any]:
    """The fields of an UpdateWorkflowExecutionRequest."""
    return {
        "workflow_execution": execution(workflow_id, run_id),
        "first_execution_run_id": first_run_id,
        "wait_policy": WaitPolicy(lifecycle_stage=stage),
        "request": Request(
            meta=Meta(update_id=update_id, identity=IDENTITY),
            input=Input(name=name, args=payloads(*values))),
    }


def update(
    raw: RawClient, workflow_id: str, update_id: str, *values: Any, timeout: float = 30,
    **options: Any,
) -> ws.UpdateWorkflowExecutionResponse:
    """Sends an update and waits for it."""
    fields = update_fields(workflow_id, update_id, *values, **options)
    return raw.call("UpdateWorkflowExecution", timeout=timeout, **fields)


def begin_update(
    raw: RawClient, workflow_id: str, update_id: str, *values: Any, timeout: float = 30,
    **options: Any,
) -> Any:
    """Sends an update and returns once the server knows it; the answer is a gRPC future."""
    fields = update_fields(workflow_id, update_id, *values, **options)
    sent = raw.begin("UpdateWorkflowExecution", timeout=timeout, **fields)
    wait_until_known(raw, workflow_id, update_id, sent, run_id=options.get("run_id", ""))
    return sent


def wait_until_known(
    raw: RawClient, workflow_id: str, update_id: str, sent: Any, run_id: str = "",
) -> None:
    """Returns when the server knows the update, and raises what its request is refused with."""
    def is_known() -> bool:
        if sent.done():
            sent.result()
            return True
        try:
            return poll_update(raw, workflow_id, update_id, run_id=run_id).stage >= ADMITTED
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            return False

    eventually_sync(is_known, every=0.01)


def poll_update(
    raw: RawClient, workflow_id: str, update_id: str, *, run_id: str = "", stage: int = 0,
    timeout: float = 30,
) -> ws.PollWorkflowExecutionUpdateResponse:
    """One poll; without a stage it waits for nothing."""
    return raw.call("PollWorkflowExecutionUpdate", timeout=timeout, **poll_fields(
        workflow_id, update_id, run_id=run_id, stage=stage))


def poll_fields(
    workflow_id: str, update_id: str, *, run_id: str = "", stage: int = 0,
) -> dict[str, Any]:
    """The fields of a PollWorkflowExecutionUpdateRequest."""
    return {
        "update_ref": UpdateRef(
            workflow_execution=execution(workflow_id, run_id), update_id=update_id),
        "wait_policy": WaitPolicy(lifecycle_stage=stage),
        "identity": IDENTITY,
    }


def update_with_start_fields(
    raw: RawClient, workflow_id: str, task_queue: str, update_id: str, *values: Any,
    stage: int = COMPLETED, start: dict[str, Any] | None = None,
    update: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The fields of an ExecuteMultiOperationRequest; `start` and `update` change its two parts."""
    starts = {
        "namespace": raw.namespace, "workflow_id": workflow_id, "identity": IDENTITY,
        "workflow_type": {"name": "Raw"}, "task_queue": {"name": task_queue},
        "request_id": f"start-{update_id}", **(start or {}),
    }
    updates = {
        "namespace": raw.namespace, **update_fields(workflow_id, update_id, *values, stage=stage),
        **(update or {}),
    }
    return {"operations": [{"start_workflow": starts}, {"update_workflow": updates}]}


def begin_update_with_start(
    raw: RawClient, workflow_id: str, task_queue: str, update_id: str, *values: Any,
    **options: Any,
) -> Any:
    """Sends an update with start; the answer is a gRPC future."""
    return raw.begin("ExecuteMultiOperation", **update_with_start_fields(
        raw, workflow_id, task_queue, update_id, *values, **options))


def both_responses(
    reply: ws.ExecuteMultiOperationResponse,
) -> tuple[ws.StartWorkflowExecutionResponse, ws.UpdateWorkflowExecutionResponse]:
    """The answers to the start and to the update."""
    assert len(reply.responses) == 2
    return reply.responses[0].start_workflow, reply.responses[1].update_workflow


def operation_failures(caught: RPCFailure) -> list[RPCFailure]:
    """What became of each operation of a refused update with start."""
    assert caught.detail_type.endswith(".MultiOperationExecutionFailure"), f"got {caught}"
    assert caught.message == "Update-with-Start could not be executed."
    codes = {code.value[0]: code.name for code in grpc.StatusCode}
    found = []
    for status in caught.detail.statuses:
        one = RPCFailure(code=codes[status.code], message=status.message)
        if status.details:
            one.detail_type = status.details[0].type_url.rsplit("/", 1)[-1]
            kind = getattr(details_pb2, one.detail_type.rsplit(".", 1)[-1], None)
            if kind is not None:
                one.detail = kind()
                assert status.details[0].Unpack(one.detail)
        found.append(one)
    return found


# What a worker does.


def idle(raw: RawClient, names: Any, *commands: Command, **fields: Any) -> str:
    """A run whose first task is done and that waits: without commands its history has 4 events."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), *commands, **fields)
    return run_id


def request_in(message: Message) -> Request:
    """The update's request in a message of a workflow task."""
    request = Request()
    assert message.body.Unpack(request)
    return request


def packed(body: ProtoMessage) -> AnyMessage:
    wrapped = AnyMessage()
    wrapped.Pack(body)
    return wrapped


def acceptance(asked: Message, *, id: str = "", instance: str = "", **changes: Any) -> Message:
    """The message that accepts an update; `changes` are fields of its body."""
    body = Acceptance(
        accepted_request_message_id=asked.id, accepted_request_sequencing_event_id=asked.event_id,
        accepted_request=request_in(asked) if asked.HasField("body") else None)
    for field, value in changes.items():
        body.ClearField(field)
        if value is not None:
            setattr(body, field, value)
    instance = instance or asked.protocol_instance_id
    return Message(
        id=id or f"{instance}/accept", protocol_instance_id=instance, body=packed(body))


def completion(
    asked: Message, *result: Any, failed: str = "", id: str = "", body: Response | None = None,
) -> Message:
    """The message that completes an accepted update, with a result or a failure."""
    update_id = asked.protocol_instance_id
    if body is None:
        outcome = Outcome(failure=failure(failed)) if failed else Outcome(
            success=payloads(*result))
        body = Response(meta=Meta(update_id=update_id, identity=IDENTITY), outcome=outcome)
    return Message(
        id=id or f"{update_id}/complete", protocol_instance_id=update_id, body=packed(body))


def rejection(asked: Message, text: str = "no") -> Message:
    """The message that rejects an update."""
    body = Rejection(
        rejected_request_message_id=asked.id, rejected_request_sequencing_event_id=asked.event_id,
        rejected_request=request_in(asked) if asked.HasField("body") else None,
        failure=failure(text))
    return Message(
        id=f"{asked.protocol_instance_id}/reject",
        protocol_instance_id=asked.protocol_instance_id, body=packed(body))


def protocol_message(message_id: str) -> Command:
    """The command that says when a message takes place."""
    command = Command(command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE)
    command.protocol_message_command_attributes.message_id = message_id
    return command


def answer(
    raw: RawClient, task: ws.PollWorkflowTaskQueueResponse, *messages: Message,
    then: tuple[Command, ...] = (), **fields: Any,
) -> ws.RespondWorkflowTaskCompletedResponse:
    """Completes a task as SDKs do: a command for every message but rejections, then others."""
    ordered = [
        protocol_message(message.id) for message in messages
        if not message.body.Is(Rejection.DESCRIPTOR)]
    return raw.respond(task, *ordered, *then, messages=messages, **fields)


def complete_update(
    raw: RawClient, names: Any, update_id: str, *values: Any, result: Any = "done",
) -> ws.UpdateWorkflowExecutionResponse:
    """Sends an update, accepts and completes it in one task, and returns its answer."""
    sent = begin_update(raw, names(), update_id, *values)
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(raw, task, acceptance(asked), completion(asked, result))
    return sent.result()


def accept_update(raw: RawClient, names: Any, update_id: str, *values: Any) -> Message:
    """Sends an update and accepts it; returns the message it came with."""
    sent = begin_update(raw, names(), update_id, *values, stage=ACCEPTED)
    task = raw.next_workflow_task(names.task_queue)
    [asked] = task.messages
    answer(raw, task, acceptance(asked))
    assert sent.result().stage == ACCEPTED
    return asked


def expect_task_failed(sent: Any) -> None:
    """The update's client is told that the workflow task it was sent with failed."""
    with expect_error("FAILED_PRECONDITION", detail="WorkflowNotReadyFailure", match=TASK_FAILED):
        sent.result()


def expect_closed_before_completion(outcome: Outcome) -> None:
    """The outcome of an update that was accepted and never completed."""
    closed = outcome.failure
    assert closed.message == (
        "Workflow Update failed because the Workflow completed before the Update completed.")
    assert closed.source == "Server"
    assert closed.application_failure_info.type == "AcceptedUpdateCompletedWorkflow"
    assert closed.application_failure_info.non_retryable
