"""Random bytes in every request field of every RPC: an error, never a crash.

The server is the case's own: what random requests do to it hurts no other case. The seed is
printed; FUZZ_SEED repeats a run and FUZZ_ROUNDS makes it longer.
"""

from __future__ import annotations

import os
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from Errors.test_rpcs import OPERATOR_SERVICE, WORKFLOW_SERVICE
from Support.errors import may_fail_with
from Support.fuzz import Fuzzer
from Support.raw import RawClient, complete, schedule_activity, seconds, ws
from Support.server import TargetServer, open_channel

SEED = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "25"))
# Ours and not the caller's: no request may end in one of these.
FAULTS = {"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE"}
REFUSALS = (
    "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "PERMISSION_DENIED", "UNIMPLEMENTED")
# With one of these, commands are mostly not looked at any more.
REFUSED_BEFORE_COMMANDS = (
    "resource_id", "identity", "binary_checksum", "worker_version_stamp", "messages",
    "deployment", "versioning_behavior", "deployment_options", "worker_instance_key",
    "worker_control_task_queue", "page_number", "intermediate_page")
# They may do what they are asked to, but not to the namespace that is used afterwards. Two at
# the same time may be told to try again.
PUTS_NAMESPACES_OUT_OF_USE = {"UpdateNamespace", "DeprecateNamespace"}


def _vocabulary(raw: RawClient) -> tuple[list[str], list[bytes]]:
    """Names and tokens of things that exist."""
    words = ["default", "q", "sticky", "wf", "Raw", "a", "CustomKeywordField", "temporal-system"]
    tokens = []
    for index in range(4):
        run_id = raw.start(f"wf{index}", "q").run_id
        words += [f"wf{index}", run_id]
    first = raw.next_workflow_task("q")
    second = raw.next_workflow_task("q")
    raw.respond(second, schedule_activity("a", "q", start_to_close=3600, heartbeat=3600))
    activity = raw.next_activity_task("q")
    tokens += [first.task_token, second.task_token, activity.task_token]
    tokens.append(raw.history_page("wf0", wait=True).next_page_token)
    words.append(raw.call("DescribeNamespace", namespace="default").namespace_info.id)
    raw.call(
        "RegisterNamespace", namespace="victim",
        workflow_execution_retention_period=seconds(86_400))
    return words, tokens


@pytest.mark.timeout(240)
def test_random_requests(own_server) -> None:
    print(f"FUZZ_SEED={SEED}")
    server: TargetServer = own_server().start()
    pid = server.pid
    raw = RawClient(server.address)
    words, tokens = _vocabulary(raw)
    fuzzer = Fuzzer(SEED, words, tokens)
    calls = []
    for service in (WORKFLOW_SERVICE, OPERATOR_SERVICE):
        for method in service.methods:
            if method.name == "DeleteNamespace":
                continue
            path = f"/{service.full_name}/{method.name}"
            for _ in range(ROUNDS):
                made, forbidden = fuzzer.message(method.input_type, "default"), FAULTS
                if method.name in PUTS_NAMESPACES_OUT_OF_USE:
                    setattr(made, "namespace", "victim")
                    forbidden = FAULTS - {"UNAVAILABLE"}
                calls.append((path, made.SerializeToString(), forbidden))
            for _ in range(3):
                # What cannot be decoded is INTERNAL by gRPC's own convention.
                calls.append((path, fuzzer.garbage(), FAULTS - {"INTERNAL"}))
    fuzzer.random.shuffle(calls)
    faults: dict[str, str] = {}

    with open_channel(server.address) as channel, ThreadPoolExecutor(48) as pool:
        def send(call: tuple[str, bytes, set[str]]) -> None:
            path, body, forbidden = call
            try:
                channel.unary_unary(path)(body, timeout=2.2)
            except grpc.RpcError as error:
                code = error.code().name
                if code in forbidden:
                    faults.setdefault(f"{path} {code}", f"{error.details()} {body[:60].hex()}")

        list(pool.map(send, calls))

    assert server.is_alive and server.pid == pid, (
        f"FUZZ_SEED={SEED}: the server died\n{server.log_tail(400)}")
    # It still serves, in the namespace and on the queue that were treated so badly.
    raw.start("afterwards", "untouched")
    raw.respond(raw.next_workflow_task("untouched"), complete())
    assert raw.wait_closed("afterwards").event_id == 5
    server.stop()
    listed = "\n".join(f"{call}: {said}" for call, said in sorted(faults.items()))
    assert not faults, f"FUZZ_SEED={SEED}\n{listed}"


@pytest.mark.timeout(240)
def test_random_commands(own_server) -> None:
    """Tokens that are good, with commands, results and failures that are random."""
    print(f"FUZZ_SEED={SEED}")
    server: TargetServer = own_server().start()
    raw = RawClient(server.address)
    fuzzer = Fuzzer(SEED, ["default", "q", "a", "t", "CustomKeywordField", "5"], [])
    completed = ws.RespondWorkflowTaskCompletedRequest.DESCRIPTOR
    for index in range(ROUNDS * 10):
        workflow_id = f"wf{index}"
        raw.start(workflow_id, workflow_id)
        task = raw.next_workflow_task(workflow_id)
        body = fuzzer.message(completed, "default")
        assert isinstance(body, ws.RespondWorkflowTaskCompletedRequest)
        body.task_token = task.task_token
        for field in REFUSED_BEFORE_COMMANDS:
            if fuzzer.random.random() < 0.95:
                body.ClearField(field)
        if fuzzer.random.random() < 0.5:
            body.commands.insert(0, schedule_activity("good", workflow_id, start_to_close=60))
        with may_fail_with(*REFUSALS):
            raw.stub.RespondWorkflowTaskCompleted(body, timeout=10)
            if raw.describe(workflow_id).pending_activities:
                _answer_at_random(raw, fuzzer, workflow_id)
        with may_fail_with(*REFUSALS):
            raw.signal(workflow_id, "s")
            raw.history(workflow_id)
            raw.terminate(workflow_id)
        assert server.is_alive, f"FUZZ_SEED={SEED}: the server died\n{server.log_tail(400)}"
    raw.start("afterwards", "untouched")
    raw.respond(raw.next_workflow_task("untouched"), complete())
    server.stop()


def _answer_at_random(raw: RawClient, fuzzer: Fuzzer, task_queue: str) -> None:
    """A heartbeat and an end for an activity, if one is there to poll."""
    task = raw.poll_activity(task_queue, timeout=2.1)
    if not task.task_token:
        return
    for rpc in (
        "RecordActivityTaskHeartbeat",
        fuzzer.random.choice([
            "RespondActivityTaskCompleted", "RespondActivityTaskFailed",
            "RespondActivityTaskCanceled"]),
    ):
        descriptor = getattr(ws, f"{rpc}Request").DESCRIPTOR
        body = fuzzer.message(descriptor, "default")
        setattr(body, "task_token", task.task_token)
        for field in REFUSED_BEFORE_COMMANDS:
            if field in descriptor.fields_by_name:
                body.ClearField(field)
        with may_fail_with(*REFUSALS):
            getattr(raw.stub, rpc)(body, timeout=10)


def test_garbage_on_the_wire(server: TargetServer) -> None:
    """Bytes that are no HTTP/2 at all."""
    for junk in (
        b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, os.urandom(5000), b"PRI * HTTP/2.0\r\n"
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(junk)
    assert server.health() == "SERVING"
