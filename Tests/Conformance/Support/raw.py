"""A client and a worker by hand: every message is what the case says, nothing is retried."""

from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta
from typing import Any, Iterator

import grpc
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command, RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
    StartChildWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType, Header, Memo, Payload, Payloads, RetryPolicy, SearchAttributes,
    WorkflowExecution, WorkflowType,
)
from temporalio.api.enums.v1 import CommandType, HistoryEventFilterType, TaskQueueKind
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.operatorservice.v1 import OperatorServiceStub
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice import v1 as ws

from .server import open_channel

IDENTITY = "raw-client"
POLL_TIMEOUT = 20.0


def seconds(value: float) -> Duration:
    """A protobuf duration."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=value))
    return duration


def payload(value: Any) -> Payload:
    """A JSON payload as SDKs write it."""
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def payloads(*values: Any) -> Payloads:
    """JSON payloads as SDKs write them."""
    return Payloads(payloads=[payload(value) for value in values])


def failure(message: str, *, kind: str = "Oops", non_retryable: bool = False,
            next_retry_delay: float | None = None) -> Failure:
    """An application failure."""
    info = ApplicationFailureInfo(type=kind, non_retryable=non_retryable)
    if next_retry_delay is not None:
        info.next_retry_delay.CopyFrom(seconds(next_retry_delay))
    return Failure(message=message, source="raw", application_failure_info=info)


# Commands.


def complete(*result: Any) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    command.complete_workflow_execution_command_attributes.SetInParent()
    if result:
        command.complete_workflow_execution_command_attributes.result.CopyFrom(payloads(*result))
    return command


def fail(message: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
    command.fail_workflow_execution_command_attributes.failure.CopyFrom(failure(message))
    return command


def cancel_workflow(*details: Any) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION)
    command.cancel_workflow_execution_command_attributes.details.CopyFrom(payloads(*details))
    return command


def start_timer(timer_id: str, delay: float) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = timer_id
    command.start_timer_command_attributes.start_to_fire_timeout.CopyFrom(seconds(delay))
    return command


def cancel_timer(timer_id: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
    command.cancel_timer_command_attributes.timer_id = timer_id
    return command


def marker(name: str, **details: Any) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER)
    command.record_marker_command_attributes.marker_name = name
    for key, value in details.items():
        command.record_marker_command_attributes.details[key].CopyFrom(payloads(value))
    return command


def schedule_activity(
    activity_id: str, task_queue: str, *, kind: str = "Work", input: Payloads | None = None,
    schedule_to_close: float = 0, schedule_to_start: float = 0, start_to_close: float = 0,
    heartbeat: float = 0, retry: RetryPolicy | None = None,
) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = activity_id
    attributes.activity_type.CopyFrom(ActivityType(name=kind))
    attributes.task_queue.CopyFrom(TaskQueue(name=task_queue))
    if input is not None:
        attributes.input.CopyFrom(input)
    for field, value in (
        ("schedule_to_close_timeout", schedule_to_close),
        ("schedule_to_start_timeout", schedule_to_start),
        ("start_to_close_timeout", start_to_close),
        ("heartbeat_timeout", heartbeat),
    ):
        if value:
            getattr(attributes, field).CopyFrom(seconds(value))
    if retry is not None:
        attributes.retry_policy.CopyFrom(retry)
    return command


def cancel_activity(scheduled_event_id: int) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
    attributes = command.request_cancel_activity_task_command_attributes
    attributes.scheduled_event_id = scheduled_event_id
    return command


def continue_as_new(kind: str, task_queue: str, *input: Any) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    attributes.workflow_type.CopyFrom(WorkflowType(name=kind))
    attributes.task_queue.CopyFrom(TaskQueue(name=task_queue))
    attributes.input.CopyFrom(payloads(*input))
    return command


def start_child(
    workflow_id: str, *, kind: str = "RawChild", task_queue: str = "",
    policy: int = 0, execution_timeout: float = 0, run_timeout: float = 0, **fields: Any,
) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = StartChildWorkflowExecutionCommandAttributes(
        workflow_id=workflow_id, workflow_type=WorkflowType(name=kind),
        task_queue=TaskQueue(name=task_queue), parent_close_policy=policy, **fields)
    if execution_timeout:
        attributes.workflow_execution_timeout.CopyFrom(seconds(execution_timeout))
    if run_timeout:
        attributes.workflow_run_timeout.CopyFrom(seconds(run_timeout))
    command.start_child_workflow_execution_command_attributes.CopyFrom(attributes)
    return command


def signal_external(
    workflow_id: str, name: str = "s", *values: Any, run_id: str = "", **fields: Any
) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    command.signal_external_workflow_execution_command_attributes.CopyFrom(
        SignalExternalWorkflowExecutionCommandAttributes(
            execution=execution(workflow_id, run_id), signal_name=name,
            input=payloads(*values), **fields))
    return command


def cancel_external(workflow_id: str, *, run_id: str = "", **fields: Any) -> Command:
    command = Command(
        command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION)
    command.request_cancel_external_workflow_execution_command_attributes.CopyFrom(
        RequestCancelExternalWorkflowExecutionCommandAttributes(
            workflow_id=workflow_id, run_id=run_id, **fields))
    return command


def upsert_search_attributes(**values: Any) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
    fields = command.upsert_workflow_search_attributes_command_attributes.search_attributes
    for key, value in values.items():
        fields.indexed_fields[key].CopyFrom(payload(value))
    return command


class RawClient:
    """Both services by hand, in one namespace; `ws.*` requests get that namespace filled in."""

    def __init__(self, address: str, namespace: str = "default", channel: Any = None):
        self.namespace = namespace
        self.channel: grpc.Channel = channel or open_channel(address)
        self.stub = ws.WorkflowServiceStub(self.channel)
        self.operator = OperatorServiceStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    def call(self, rpc: str, *, timeout: float = 10, **fields: Any) -> Any:
        """Calls an RPC of WorkflowService with a request made of the fields."""
        return getattr(self.stub, rpc)(self.request(rpc, **fields), timeout=timeout)

    def begin(self, rpc: str, *, timeout: float = 30, **fields: Any) -> Any:
        """A call that is on its way: a gRPC future, whose `result` raises what the call raises."""
        return getattr(self.stub, rpc).future(self.request(rpc, **fields), timeout=timeout)

    def request(self, rpc: str, **fields: Any) -> Any:
        """A request made of the fields, for this client's namespace unless they name another."""
        request = getattr(ws, f"{rpc}Request")(**fields)
        if "namespace" in request.DESCRIPTOR.fields_by_name and "namespace" not in fields:
            request.namespace = self.namespace
        return request

    # What a client does.

    def start(
        self, workflow_id: str, task_queue: str, *, kind: str = "Raw",
        input: Payloads | None = None,
        request_id: str | None = None, execution_timeout: float = 0, run_timeout: float = 0,
        task_timeout: float = 0, delay: float = 0, **fields: Any,
    ) -> ws.StartWorkflowExecutionResponse:
        for name, value in (
            ("workflow_execution_timeout", execution_timeout),
            ("workflow_run_timeout", run_timeout),
            ("workflow_task_timeout", task_timeout),
            ("workflow_start_delay", delay),
        ):
            if value:
                fields[name] = seconds(value)
        return self.call(
            "StartWorkflowExecution", workflow_id=workflow_id,
            workflow_type=WorkflowType(name=kind),
            task_queue=TaskQueue(name=task_queue), input=input, identity=IDENTITY,
            request_id=request_id or str(uuid.uuid4()), **fields,
        )

    def signal_with_start(
        self, workflow_id: str, task_queue: str, signal: str, *values: Any, kind: str = "Raw",
        request_id: str | None = None, **fields: Any,
    ) -> ws.SignalWithStartWorkflowExecutionResponse:
        return self.call(
            "SignalWithStartWorkflowExecution", workflow_id=workflow_id,
            workflow_type=WorkflowType(name=kind), task_queue=TaskQueue(name=task_queue),
            signal_name=signal, signal_input=payloads(*values), identity=IDENTITY,
            request_id=request_id or str(uuid.uuid4()), **fields,
        )

    def signal(
        self, workflow_id: str, name: str, *values: Any, run_id: str = "", request_id: str = "",
    ) -> None:
        self.call(
            "SignalWorkflowExecution", workflow_execution=execution(workflow_id, run_id),
            signal_name=name, input=payloads(*values), identity=IDENTITY,
            request_id=request_id or str(uuid.uuid4()),
        )

    def request_cancel(self, workflow_id: str, run_id: str = "", **fields: Any) -> None:
        self.call(
            "RequestCancelWorkflowExecution", workflow_execution=execution(workflow_id, run_id),
            identity=IDENTITY, request_id=str(uuid.uuid4()), **fields,
        )

    def terminate(
        self, workflow_id: str, run_id: str = "", reason: str = "", **fields: Any
    ) -> None:
        self.call(
            "TerminateWorkflowExecution", workflow_execution=execution(workflow_id, run_id),
            reason=reason, identity=IDENTITY, **fields,
        )

    def delete(self, workflow_id: str, run_id: str = "") -> None:
        self.call(
            "DeleteWorkflowExecution", workflow_execution=execution(workflow_id, run_id))

    def describe(self, workflow_id: str, run_id: str = "") -> ws.DescribeWorkflowExecutionResponse:
        return self.call(
            "DescribeWorkflowExecution", execution=execution(workflow_id, run_id))

    def query(
        self, workflow_id: str, kind: str, *values: Any, run_id: str = "", timeout: float = 10,
        reject: int = 0,
    ) -> ws.QueryWorkflowResponse:
        return self.call(
            "QueryWorkflow", execution=execution(workflow_id, run_id),
            query=WorkflowQuery(query_type=kind, query_args=payloads(*values)),
            query_reject_condition=reject, timeout=timeout,
        )

    def history_page(
        self, workflow_id: str, run_id: str = "", *, wait: bool = False, close_only: bool = False,
        token: bytes = b"", page_size: int = 0, timeout: float = 30,
    ) -> ws.GetWorkflowExecutionHistoryResponse:
        kind = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT
        if close_only:
            kind = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
        return self.call(
            "GetWorkflowExecutionHistory", execution=execution(workflow_id, run_id),
            wait_new_event=wait, history_event_filter_type=kind, next_page_token=token,
            maximum_page_size=page_size, timeout=timeout,
        )

    def history(self, workflow_id: str, run_id: str = "") -> list[HistoryEvent]:
        """The whole history as it is now."""
        events: list[HistoryEvent] = []
        token = b""
        while True:
            page = self.history_page(workflow_id, run_id, token=token)
            events += page.history.events
            token = page.next_page_token
            if not token:
                return events

    def stored_history(
        self, workflow_id: str, run_id: str = "", *, client: str = "temporal-cli"
    ) -> list[HistoryEvent]:
        """What is written: this client is never shown the events of an unwritten task."""
        request = self.request(
            "GetWorkflowExecutionHistory", execution=execution(workflow_id, run_id))
        page = self.stub.GetWorkflowExecutionHistory(
            request, timeout=10, metadata=[("client-name", client), ("client-version", "1.0.0")])
        assert not page.next_page_token, "a history of more than one page"
        return list(page.history.events)

    def follow(
        self, workflow_id: str, run_id: str = "", timeout: float = 30
    ) -> Iterator[HistoryEvent]:
        """Events as they come, by long poll, until the run closes."""
        token, deadline = b"", time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"{workflow_id} did not close within {timeout} s"
            page = self.history_page(workflow_id, run_id, wait=True, token=token, timeout=left + 2)
            yield from page.history.events
            token = page.next_page_token
            if not token:
                return

    def wait_event(
        self, workflow_id: str, event_type: int, run_id: str = "", count: int = 1,
        timeout: float = 30,
    ) -> HistoryEvent:
        """The n-th event of a type, waited for by long poll."""
        seen = 0
        for event in self.follow(workflow_id, run_id, timeout):
            seen += event.event_type == event_type
            if seen == count:
                return event
        raise AssertionError(f"{workflow_id} closed without event {event_type} number {count}")

    def wait_closed(self, workflow_id: str, run_id: str = "", timeout: float = 30) -> HistoryEvent:
        """The close event, waited for by long poll."""
        token, deadline = b"", time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"{workflow_id} did not close within {timeout} s"
            page = self.history_page(
                workflow_id, run_id, wait=True, close_only=True, token=token, timeout=left + 2)
            if page.history.events:
                return page.history.events[-1]
            token = page.next_page_token
            assert token, "neither a close event nor a token"

    # What a client does with activities of their own.

    def start_activity(
        self, activity_id: str, task_queue: str, *, kind: str = "Work",
        input: Payloads | None = None, request_id: str | None = None,
        schedule_to_close: float = 0, schedule_to_start: float = 0, start_to_close: float = 60,
        heartbeat: float = 0, delay: float = 0, retry: RetryPolicy | None = None, **fields: Any,
    ) -> ws.StartActivityExecutionResponse:
        for name, value in (
            ("schedule_to_close_timeout", schedule_to_close),
            ("schedule_to_start_timeout", schedule_to_start),
            ("start_to_close_timeout", start_to_close),
            ("heartbeat_timeout", heartbeat),
            ("start_delay", delay),
        ):
            if value:
                fields[name] = seconds(value)
        return self.call(
            "StartActivityExecution", activity_id=activity_id,
            activity_type=ActivityType(name=kind), task_queue=TaskQueue(name=task_queue),
            input=input, identity=IDENTITY, request_id=request_id or str(uuid.uuid4()),
            retry_policy=retry, **fields,
        )

    def describe_activity(
        self, activity_id: str, run_id: str = "", *, timeout: float = 10, **fields: Any
    ) -> ws.DescribeActivityExecutionResponse:
        return self.call(
            "DescribeActivityExecution", activity_id=activity_id, run_id=run_id, timeout=timeout,
            **fields)

    def activity_outcome(
        self, activity_id: str, run_id: str = "", *, timeout: float = 30
    ) -> ws.PollActivityExecutionResponse:
        """The answer of one long poll; it has no outcome if the activity did not close in time."""
        return self.call(
            "PollActivityExecution", activity_id=activity_id, run_id=run_id, timeout=timeout)

    # What a worker does.

    def poll_workflow(
        self, task_queue: str, *, sticky_of: str = "", timeout: float = POLL_TIMEOUT,
        identity: str = IDENTITY,
    ) -> ws.PollWorkflowTaskQueueResponse:
        """One workflow-task poll; an empty task token means that nothing came."""
        queue = TaskQueue(name=task_queue)
        if sticky_of:
            queue.kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY
            queue.normal_name = sticky_of
        return self.call(
            "PollWorkflowTaskQueue", task_queue=queue, identity=identity, timeout=timeout)

    def next_workflow_task(
        self, task_queue: str, *, sticky_of: str = "", timeout: float = POLL_TIMEOUT,
        identity: str = IDENTITY,
    ) -> ws.PollWorkflowTaskQueueResponse:
        """One workflow task, which must come."""
        task = self.poll_workflow(
            task_queue, sticky_of=sticky_of, timeout=timeout, identity=identity)
        assert task.task_token, f"no workflow task on {task_queue} within {timeout} s"
        return task

    def respond(
        self, task: ws.PollWorkflowTaskQueueResponse, *commands: Command, sticky: str = "",
        sticky_timeout: float = 5, **fields: Any,
    ) -> ws.RespondWorkflowTaskCompletedResponse:
        """Completes a workflow task."""
        if sticky:
            fields["sticky_attributes"] = StickyExecutionAttributes(
                worker_task_queue=TaskQueue(
                    name=sticky, kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY,
                    normal_name=task.workflow_execution_task_queue.name),
                schedule_to_start_timeout=seconds(sticky_timeout))
        return self.call(
            "RespondWorkflowTaskCompleted", task_token=task.task_token, commands=commands,
            identity=IDENTITY, **fields)

    def fail_workflow_task(
        self, task: ws.PollWorkflowTaskQueueResponse, cause: int, message: str = "boom"
    ) -> None:
        self.call(
            "RespondWorkflowTaskFailed", task_token=task.task_token, cause=cause,
            failure=failure(message), identity=IDENTITY)

    def poll_activity(
        self, task_queue: str, *, timeout: float = POLL_TIMEOUT, identity: str = IDENTITY
    ) -> ws.PollActivityTaskQueueResponse:
        """One activity-task poll; an empty task token means that nothing came."""
        return self.call(
            "PollActivityTaskQueue", task_queue=TaskQueue(name=task_queue), identity=identity,
            timeout=timeout)

    def next_activity_task(
        self, task_queue: str, *, timeout: float = POLL_TIMEOUT, identity: str = IDENTITY
    ) -> ws.PollActivityTaskQueueResponse:
        """One activity task, which must come."""
        task = self.poll_activity(task_queue, timeout=timeout, identity=identity)
        assert task.task_token, f"no activity task on {task_queue} within {timeout} s"
        return task

    def complete_activity(self, task: ws.PollActivityTaskQueueResponse, *result: Any) -> None:
        self.call(
            "RespondActivityTaskCompleted", task_token=task.task_token, result=payloads(*result),
            identity=IDENTITY)

    def fail_activity(
        self, task: ws.PollActivityTaskQueueResponse, cause: Failure, **fields: Any
    ) -> ws.RespondActivityTaskFailedResponse:
        return self.call(
            "RespondActivityTaskFailed", task_token=task.task_token, failure=cause,
            identity=IDENTITY, **fields)

    def heartbeat(
        self, task: ws.PollActivityTaskQueueResponse, *details: Any
    ) -> ws.RecordActivityTaskHeartbeatResponse:
        return self.call(
            "RecordActivityTaskHeartbeat", task_token=task.task_token, details=payloads(*details),
            identity=IDENTITY)


def execution(workflow_id: str, run_id: str = "") -> WorkflowExecution:
    """A reference to a run, or to the current run."""
    return WorkflowExecution(workflow_id=workflow_id, run_id=run_id)


__all__ = [
    "Header", "Memo", "RawClient", "RetryPolicy", "SearchAttributes", "cancel_activity",
    "cancel_external", "cancel_timer", "cancel_workflow", "complete", "continue_as_new",
    "execution", "fail",
    "failure", "marker", "payload", "payloads", "schedule_activity", "seconds",
    "signal_external", "start_child", "start_timer", "upsert_search_attributes", "ws",
]
