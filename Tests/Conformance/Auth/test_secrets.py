"""Payloads, headers and memos are for their users: whatever the RPC, none is in the output."""

from __future__ import annotations

import base64
import gzip
from typing import Any, Iterator

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Header, Memo, Payload, Payloads
from temporalio.api.enums.v1 import CommandType
from temporalio.api.query.v1 import WorkflowQueryResult

from Auth.calls import Api
from Auth.decisions import OPERATOR, TABLE, WORKFLOW
from Support.configured import ConfiguredServer
from Support.raw import (
    RawClient, RetryPolicy, cancel_workflow, complete, continue_as_new, execution, fail, failure,
    marker, schedule_activity, seconds, start_child,
)
from Support.updates import acceptance, begin_update, completion

SECRET = "s3cr3t-of-the-payload-7f3a91c4"
DEPTH_MAX = 7

SPELLINGS = {
    SECRET, SECRET.encode().hex(), SECRET.encode().hex().upper(),
    *(base64.b64encode(b"x" * shift + SECRET.encode()).decode()[4:-4] for shift in range(3)),
    ", ".join(str(byte) for byte in SECRET.encode()),
}


def secret() -> Payload:
    return Payload(
        metadata={"encoding": b"json/plain", "note": SECRET.encode()},
        data=f'"{SECRET}"'.encode())


def secrets() -> Payloads:
    return Payloads(payloads=[secret()])


def found_in(text: str) -> list[str]:
    return [spelling for spelling in SPELLINGS if spelling in text]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredServer]:
    made = ConfiguredServer(tmp_path_factory.mktemp("secrets"), {}, log_level="debug")
    try:
        yield made.start()
    finally:
        made.kill()


@pytest.fixture
def client(server: ConfiguredServer) -> Iterator[RawClient]:
    made = RawClient(server.address)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_in_the_log(server: ConfiguredServer) -> Iterator[None]:
    yield
    for line in server.log.splitlines():
        assert not found_in(line), line


# Every RPC.


class Filler:
    """Fills messages with ordinary values, and every payload with the secret."""

    def __init__(self, variant: int, texts: dict[str, str]):
        self.variant = variant
        self.texts = texts

    def fill(self, message: Message, depth: int = 0) -> Message:
        kind = message.DESCRIPTOR
        if kind.full_name == Payload.DESCRIPTOR.full_name:
            message.MergeFromString(secret().SerializeToString())
            return message
        chosen = {
            fields[self.variant % len(fields)].name
            for oneof in kind.oneofs if (fields := oneof.fields)}
        for field in kind.fields:
            if field.containing_oneof is None or field.name in chosen:
                self._set(message, field, depth)
        if kind.full_name == Command.DESCRIPTOR.full_name:
            (name,) = (name for name in chosen if name.endswith("_command_attributes"))
            label = name.removesuffix("_command_attributes").upper()
            message.command_type = CommandType.Value(f"COMMAND_TYPE_{label}")
        return message

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if depth >= DEPTH_MAX or "search_attributes" in field.name:
            return
        if is_map:
            self._set_map(getattr(message, field.name), field, depth)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.is_repeated:
            self.fill(getattr(message, field.name).add(), depth + 1)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            self.fill(getattr(message, field.name), depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).append(self._value(field))
        else:
            setattr(message, field.name, self._value(field))

    def _set_map(self, entries: Any, field: FieldDescriptor, depth: int) -> None:
        value = field.message_type.fields_by_name["value"]
        key = field.message_type.fields_by_name["key"]
        name: Any = "key" if key.type == FieldDescriptor.TYPE_STRING else 1
        if value.type == FieldDescriptor.TYPE_MESSAGE:
            self.fill(entries[name], depth + 1)
        else:
            entries[name] = self._value(value)

    def _value(self, field: FieldDescriptor) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self.texts.get(field.name, "text")
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b""
        if field.type == FieldDescriptor.TYPE_BOOL:
            return False
        if field.type == FieldDescriptor.TYPE_ENUM:
            values = field.enum_type.values
            return values[1 + self.variant % (len(values) - 1)].number
        return 1


def rpcs() -> list[str]:
    return [path for path in TABLE if path.split("/")[1] in (WORKFLOW, OPERATOR)]


@pytest.fixture(scope="module")
def api(server: ConfiguredServer) -> Api:
    with server.open_internal() as channel:
        return Api(channel)


@pytest.mark.parametrize("path", rpcs(), ids=lambda path: path.rpartition(".")[2])
def test_every_rpc(client: RawClient, api: Api, names, path: str) -> None:
    """What it answers is its own business, unless it is an error: errors are for operators too."""
    client.start(names("running"), names.task_queue)
    kind = GetMessageClass(api.methods[path].input_type)
    filled = False
    for variant in range(max(2, widest(kind.DESCRIPTOR, set()))):
        texts = {
            "namespace": "default" if "Namespace" not in path else names(f"ns{variant}"),
            "workflow_id": names("running" if variant % 2 else f"new{variant}"),
            "run_id": "", "activity_id": names(f"activity{variant}"), "id": "", "signal_name": "s"}
        request = Filler(variant, texts).fill(kind())
        data = request.SerializeToString()
        filled = filled or SECRET.encode() in data
        call = client.channel.unary_unary(path)
        try:
            call(data, timeout=2)
        except grpc.RpcError as error:
            shown = f"{error.details()} {error.trailing_metadata()}"
            assert not found_in(shown), f"in an error: {shown}"
    assert filled or not mentions_payload(kind.DESCRIPTOR, set()), "no secret was sent"


def widest(kind: Any, seen: set[str]) -> int:
    """How many ways there are to fill a message: of what is one of many, each comes once."""
    if kind.full_name in seen:
        return 1
    seen.add(kind.full_name)
    own = [len(oneof.fields) for oneof in kind.oneofs]
    parts = [widest(f.message_type, seen) for f in kind.fields if f.message_type is not None]
    return max([1, *own, *parts])


def mentions_payload(kind: Any, seen: set[str]) -> bool:
    """Whether a message can hold a payload that the filler fills."""
    if kind.full_name in seen:
        return False
    seen.add(kind.full_name)
    return kind.full_name == Payload.DESCRIPTOR.full_name or any(
        field.message_type is not None and "search_attributes" not in field.name
        and mentions_payload(field.message_type, seen) for field in kind.fields)


# A workflow's whole life.


def test_a_whole_life(client: RawClient, names) -> None:
    """Input, header, memo, signals, queries, updates, activities, markers, children, results."""
    queue, header = names.task_queue, Header(fields={"encryption": secret()})
    client.start(
        names(), queue, input=secrets(), header=header, memo=Memo(fields={"m": secret()}))
    client.call(
        "SignalWorkflowExecution", workflow_execution=execution(names()), signal_name="s",
        input=secrets(), header=header)
    task = client.next_workflow_task(queue)
    assert SECRET in str(task.history), "the worker gets it"
    work = schedule_activity(
        "a", queue, input=secrets(), start_to_close=30, heartbeat=30,
        retry=RetryPolicy(maximum_attempts=2, initial_interval=seconds(0.01)))
    work.schedule_activity_task_command_attributes.header.CopyFrom(header)
    record = marker("m", details=SECRET)
    record.record_marker_command_attributes.header.CopyFrom(header)
    child = start_child(names("child"), task_queue=names("child-tq"), input=secrets(),
                        header=header, memo=Memo(fields={"m": secret()}))
    client.respond(task, work, record, child)
    attempt = client.next_activity_task(queue)
    client.call("RecordActivityTaskHeartbeat", task_token=attempt.task_token, details=secrets())
    boom = failure("boom")
    boom.application_failure_info.details.CopyFrom(secrets())
    boom.encoded_attributes.CopyFrom(secret())
    client.fail_activity(attempt, boom)
    client.complete_activity(client.next_activity_task(queue), SECRET)
    client.respond(client.next_workflow_task(queue))
    query_and_update(client, names, queue)
    client.call(
        "TerminateWorkflowExecution", workflow_execution=execution(names()), details=secrets())
    assert SECRET in str(client.history(names())), "it is kept for those who may see it"


def query_and_update(client: RawClient, names, queue: str) -> None:
    asked = client.begin(
        "QueryWorkflow", execution=execution(names()),
        query={"query_type": "q", "query_args": secrets()})
    task = client.next_workflow_task(queue)
    if task.HasField("query"):
        client.call("RespondQueryTaskCompleted", task_token=task.task_token, completed_type=1,
                    query_result=secrets())
    else:
        (name,) = task.queries
        client.respond(task, query_results={name: WorkflowQueryResult(
            result_type=1, answer=secrets())})
    assert SECRET in str(asked.result())
    updated = begin_update(client, names(), "u", SECRET)
    task = client.next_workflow_task(queue)
    (asked_for,) = task.messages
    assert SECRET in str(task.messages)
    client.respond(task, messages=[acceptance(asked_for), completion(asked_for, SECRET)])
    assert SECRET in str(updated.result())


def test_what_is_refused_is_not_shown(client: RawClient, names) -> None:
    """Too large, of the wrong form, bad commands: the reasons do not quote."""
    large = Payloads(payloads=[Payload(data=SECRET.encode() * 200_000)])
    shown = []
    for call in (
        lambda: client.start(names(), names.task_queue, input=large),
        lambda: client.start(
            names(), names.task_queue, memo=Memo(fields={"m": large.payloads[0]})),
        lambda: client.signal_with_start(names(), names.task_queue, "s", SECRET * 100_000),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        shown.append(f"{caught.value.details()} {caught.value.trailing_metadata()}")
    client.start(names("bad"), names.task_queue)
    task = client.next_workflow_task(names.task_queue)
    bad = schedule_activity("", "", input=secrets())
    with pytest.raises(grpc.RpcError) as caught:
        client.respond(task, bad)
    shown.append(f"{caught.value.details()} {caught.value.trailing_metadata()}")
    assert not found_in(" ".join(shown)), shown


def test_ends_of_workflows(client: RawClient, names) -> None:
    for number, command in enumerate((
        complete(SECRET), cancel_workflow(SECRET), continue_as_new("Raw", names("next"), SECRET),
        fail("boom"),
    )):
        if command.command_type == CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
            attributes = command.fail_workflow_execution_command_attributes
            attributes.failure.application_failure_info.details.CopyFrom(secrets())
        queue = names(f"tq{number}")
        run_id = client.start(names(f"w{number}"), queue).run_id
        task = client.next_workflow_task(queue)
        if command.command_type == CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
            client.respond(task)
            client.request_cancel(names(f"w{number}"), reason="no reason")
            task = client.next_workflow_task(queue)
        client.respond(task, command)
        client.wait_closed(names(f"w{number}"), run_id)


# What comes beside the request.


def test_metadata_of_calls(client: RawClient, server: ConfiguredServer) -> None:
    for key in ("authorization", "authorization-extras", "cookie", "x-anything", "x-bin"):
        value: Any = SECRET.encode() if key.endswith("-bin") else f"Bearer {SECRET}"
        for rpc in ("GetSystemInfo", "DescribeNamespace", "StartWorkflowExecution"):
            try:
                getattr(client.stub, rpc)(
                    client.request(rpc), timeout=5, metadata=[(key, value)])
            except grpc.RpcError as error:
                assert not found_in(f"{error.details()} {error.trailing_metadata()}")


def test_requests_that_cannot_be_read(client: RawClient) -> None:
    """Bytes that are no message, and compressed ones that are none either."""
    for data in (b"\xff" + SECRET.encode(), SECRET.encode(), gzip.compress(SECRET.encode())):
        for rpc in ("StartWorkflowExecution", "RespondWorkflowTaskCompleted"):
            with pytest.raises(grpc.RpcError) as caught:
                client.channel.unary_unary(f"/{WORKFLOW}/{rpc}")(data, timeout=5)
            assert not found_in(f"{caught.value.details()} {caught.value.trailing_metadata()}")


def test_the_end_of_the_server(tmp_path, names) -> None:
    """What is written when it ends, with work under way, has nothing either."""
    server = ConfiguredServer(tmp_path, {}, log_level="debug")
    try:
        server.start()
        client = RawClient(server.address)
        client.start(names(), names.task_queue, input=secrets())
        waiting = client.begin("PollWorkflowTaskQueue", task_queue={"name": names("other")})
        server.stop()
        waiting.cancel()
        client.close()
    finally:
        server.kill()
    assert server.log and not found_in(server.log)
