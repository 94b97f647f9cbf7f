"""Encrypted payloads: the server never looks into a payload and hands back the same bytes.

The codec encrypts with AES-GCM under random nonces, so a payload that were decoded and written
again, or mixed up with another, could not be decrypted.
"""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from typing import Any, Iterable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.converter import (
    DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec,
)
from temporalio.exceptions import ActivityError, ApplicationError

from Support.histories import IDLE, TASK, find, story, types
from Support.raw import Header, Memo, RawClient, complete, payloads, schedule_activity
from Support.sdk import events_of, make_worker

SECRET = "the secret nobody may read"
ACTIVITY = ["ActivityTaskScheduled", "ActivityTaskStarted"]


class Encryption(PayloadCodec):
    """AES-GCM; remembers every ciphertext it made and every one it was given back."""

    def __init__(self) -> None:
        self.cipher = AESGCM(os.urandom(32))
        self.made: set[bytes] = set()
        self.seen: set[bytes] = set()

    async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
        encoded = []
        for plain in payloads:
            nonce = os.urandom(12)
            data = nonce + self.cipher.encrypt(nonce, plain.SerializeToString(), None)
            self.made.add(data)
            encoded.append(Payload(
                metadata={"encoding": b"binary/encrypted", "odd": b"\x00\xff\xfe"}, data=data))
        return encoded

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        decoded = []
        for payload in payloads:
            assert payload.metadata["encoding"] == b"binary/encrypted"
            assert payload.metadata["odd"] == b"\x00\xff\xfe"
            assert payload.data in self.made, "these bytes were never written"
            self.seen.add(payload.data)
            nonce, data = payload.data[:12], payload.data[12:]
            decoded.append(Payload.FromString(self.cipher.decrypt(nonce, data, None)))
        return decoded


@activity.defn
async def secret_work(value: str) -> str:
    if activity.info().attempt == 1:
        activity.heartbeat(SECRET, 1)
        raise ApplicationError(SECRET, SECRET, type="First")
    assert list(activity.info().heartbeat_details) == [SECRET, 1]
    return value + "!"


@activity.defn
async def secret_failure() -> None:
    raise ApplicationError(SECRET, {"detail": SECRET}, type="Kept", non_retryable=True)


@workflow.defn
class Secretive:
    def __init__(self) -> None:
        self.signals: list[Any] = []

    @workflow.run
    async def run(self, value: str) -> str:
        await workflow.wait_condition(lambda: bool(self.signals))
        workflow.upsert_memo({"later": SECRET})
        return await workflow.execute_activity(
            secret_work, value, start_to_close_timeout=timedelta(seconds=10),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)))

    @workflow.signal
    def tell(self, value: Any) -> None:
        self.signals.append(value)

    @workflow.query
    def told(self, prefix: str) -> list[Any]:
        return [prefix, *self.signals]


@workflow.defn
class FailsInSecret:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            secret_failure, start_to_close_timeout=timedelta(seconds=10))


@pytest.fixture
def encryption() -> Encryption:
    return Encryption()


async def _secret_client(address: str, encryption: Encryption) -> Client:
    converter = dataclasses.replace(
        DataConverter.default, payload_codec=encryption,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes)
    return await Client.connect(address, data_converter=converter)


async def test_everything_encrypted(server, names, encryption: Encryption) -> None:
    client = await _secret_client(server.address, encryption)
    worker = make_worker(
        client, names.task_queue, workflows=[Secretive], activities=[secret_work],
        max_cached_workflows=0)
    async with worker:
        handle = await client.start_workflow(
            Secretive.run, SECRET, id=names(), task_queue=names.task_queue,
            memo={"note": {"deep": SECRET}})
        await handle.signal(Secretive.tell, {"x": [SECRET, None, 1.5]})
        assert await handle.query(Secretive.told, "p") == ["p", {"x": [SECRET, None, 1.5]}]
        assert await handle.result() == SECRET + "!"
        description = await handle.describe()
        assert await description.memo() == {"note": {"deep": SECRET}, "later": SECRET}
    events = await events_of(handle)
    raw_text = b"".join(e.SerializeToString() for e in events)
    assert SECRET.encode() not in raw_text, "the server never had it in the clear"
    assert story(events) == [
        "WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowPropertiesModified",
        *ACTIVITY, "ActivityTaskCompleted", "WorkflowExecutionCompleted"]


async def test_encrypted_failures(server, names, encryption: Encryption) -> None:
    client = await _secret_client(server.address, encryption)
    worker = make_worker(
        client, names.task_queue, workflows=[FailsInSecret], activities=[secret_failure])
    async with worker:
        handle = await client.start_workflow(
            FailsInSecret.run, id=names(), task_queue=names.task_queue)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    error = caught.value.cause
    assert isinstance(error, ActivityError) and isinstance(error.cause, ApplicationError)
    assert error.cause.message == SECRET and error.cause.type == "Kept"
    assert error.cause.details == ({"detail": SECRET},)
    failed = find(await events_of(handle), "ActivityTaskFailed")["failure"]
    assert failed["message"] == "Encoded failure"
    assert failed["encodedAttributes"]["metadata"]
    events = await events_of(handle)
    raw_text = b"".join(e.SerializeToString() for e in events)
    assert SECRET.encode() not in raw_text
    assert types(events) == [
        *IDLE, *ACTIVITY, "ActivityTaskFailed", *TASK, "WorkflowExecutionFailed"]


async def test_list_shows_the_encrypted_memo(server, names, encryption: Encryption) -> None:
    client = await _secret_client(server.address, encryption)
    handle = await client.start_workflow(
        Secretive.run, "v", id=names(), task_queue=names.task_queue, memo={"note": SECRET})
    found = [w async for w in client.list_workflows(f"WorkflowId = '{names()}'")]
    assert len(found) == 1
    assert await found[0].memo() == {"note": SECRET}
    assert types(await events_of(handle)) == IDLE[:2], "nobody works on it"


ODD = Payload(
    metadata={"encoding": b"\x00\x01\xff", "": b"empty key", "z": b"", "a": os.urandom(50)},
    data=bytes(range(256)) * 4)


def test_payload_bytes_are_kept_everywhere(raw: RawClient, names) -> None:
    """By hand: a payload no converter would write goes in and comes out of every place."""
    odd = payloads()
    odd.payloads.append(ODD)
    odd.payloads.append(Payload())
    header = Header(fields={"h": ODD})
    run_id = raw.start(
        names(), names.task_queue, input=odd, header=header, memo=Memo(fields={"m": ODD})).run_id
    raw.call(
        "SignalWorkflowExecution",
        workflow_execution={"workflow_id": names()}, signal_name="s", input=odd, header=header)
    command = schedule_activity("a", names("aq"), input=odd, start_to_close=20)
    command.schedule_activity_task_command_attributes.header.CopyFrom(header)
    task = raw.next_workflow_task(names.task_queue)
    started = task.history.events[0].workflow_execution_started_event_attributes
    assert (started.input, started.header, started.memo.fields["m"]) == (odd, header, ODD)
    raw.respond(task, command)
    activity_task = raw.next_activity_task(names("aq"))
    assert (activity_task.input, activity_task.header) == (odd, header)
    raw.call(
        "RecordActivityTaskHeartbeat", task_token=activity_task.task_token, details=odd)
    info = raw.describe(names())
    assert info.pending_activities[0].heartbeat_details == odd
    assert info.workflow_execution_info.memo.fields["m"] == ODD
    raw.call("RespondActivityTaskCompleted", task_token=activity_task.task_token, result=odd)
    final = complete()
    final.complete_workflow_execution_command_attributes.result.CopyFrom(odd)
    raw.respond(raw.next_workflow_task(names.task_queue), final)
    events = raw.history(names(), run_id)
    signaled = next(
        e.workflow_execution_signaled_event_attributes for e in events
        if e.HasField("workflow_execution_signaled_event_attributes"))
    assert (signaled.input, signaled.header) == (odd, header)
    completed = next(
        e.activity_task_completed_event_attributes for e in events
        if e.HasField("activity_task_completed_event_attributes"))
    assert completed.result == odd
    assert events[-1].workflow_execution_completed_event_attributes.result == odd
