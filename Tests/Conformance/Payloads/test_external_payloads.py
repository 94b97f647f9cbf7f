"""Payloads whose data lie elsewhere: how many of them a run names, and how large they are."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads

from Support.histories import IDLE, TASK, types
from Support.raw import (
    Header, Memo, RawClient, SearchAttributes, complete, continue_as_new, execution, marker,
    payload, schedule_activity,
)
from Support.server import TargetServer

COUNT, SIZE = "TemporalExternalPayloadCount", "TemporalExternalPayloadSizeBytes"


def stored(*sizes: int) -> Payload:
    """A reference to as many things elsewhere."""
    made = Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b'"a key"')
    for size in sizes:
        made.external_payloads.add(size_bytes=size)
    return made


def several(*made: Payload) -> Payloads:
    return Payloads(payloads=made)


def shown(raw: RawClient, workflow_id: str, run_id: str = "") -> tuple[int, int]:
    info = raw.describe(workflow_id, run_id).workflow_execution_info
    return info.external_payload_count, info.external_payload_size_bytes


def listed(raw: RawClient, query: str) -> dict[str, dict[str, bytes]]:
    """The two search attributes of the runs a query finds, by run id."""
    runs = raw.call("ListWorkflowExecutions", query=query).executions
    return {run.execution.run_id: {
        name: value.data for name, value in run.search_attributes.indexed_fields.items()
        if name in (COUNT, SIZE)} for run in runs}


def test_every_event_counts(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, input=several(stored(1024)))
    assert shown(raw, names()) == (1, 1024)
    raw.call(
        "SignalWorkflowExecution", workflow_execution=execution(names()), signal_name="s",
        input=several(payload("here"), stored(10, 20), stored()))
    assert shown(raw, names()) == (3, 1054)
    command = marker("m")
    command.record_marker_command_attributes.details["kept"].CopyFrom(several(stored(100)))
    raw.respond(
        raw.next_workflow_task(names.task_queue), command,
        schedule_activity(
            "a", names.task_queue, input=several(stored(1000)), start_to_close=60))
    assert shown(raw, names()) == (5, 2154)
    raw.call(
        "RespondActivityTaskCompleted", result=several(stored(5000)),
        task_token=raw.next_activity_task(names.task_queue).task_token)
    assert shown(raw, names()) == (6, 7154)
    close = complete()
    close.complete_workflow_execution_command_attributes.result.CopyFrom(several(stored(0)))
    raw.respond(raw.next_workflow_task(names.task_queue), close)
    assert shown(raw, names()) == (7, 7154), "an empty one is one, too"
    assert types(raw.history(names())) == [
        *IDLE[:2], "WorkflowExecutionSignaled", *TASK[1:], "MarkerRecorded",
        "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", *TASK,
        "WorkflowExecutionCompleted"]


def test_every_place_but_search_attributes(raw: RawClient, names) -> None:
    attribute = stored(1_000_000)
    attribute.metadata["encoding"], attribute.data = b"json/plain", b'"a"'
    raw.start(
        names(), names.task_queue, memo=Memo(fields={"m": stored(1)}),
        header=Header(fields={"h": stored(2)}),
        search_attributes=SearchAttributes(indexed_fields={"CustomKeywordField": attribute}))
    assert shown(raw, names()) == (2, 3)


def test_a_signal_a_task_has_to_end_for(raw: RawClient, names) -> None:
    """It counts once, when it is written."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.call(
        "SignalWorkflowExecution", workflow_execution=execution(names()), signal_name="s",
        input=several(stored(7)))
    raw.respond(task)
    assert shown(raw, names()) == (1, 7)
    assert types(raw.history(names())) == [
        *IDLE, "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]


def test_lists_show_it_of_closed_runs(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, input=several(stored(300), stored(33))).run_id
    mine = f"WorkflowId = '{names()}'"
    assert listed(raw, mine) == {run_id: {}}, "not while it is open"
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    assert listed(raw, mine) == {run_id: {COUNT: b"2", SIZE: b"333"}}
    for query, found in (
        (f"{COUNT} = 2", True), (f"{COUNT} > 2", False), (f"{SIZE} BETWEEN 300 AND 400", True),
        (f"{SIZE} < 333", False)):
        assert (run_id in listed(raw, f"{mine} AND {query}")) == found, query
    described = raw.describe(names()).workflow_execution_info
    assert shown(raw, names()) == (2, 333)
    assert COUNT not in described.search_attributes.indexed_fields


def test_runs_without_any(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, input=several(payload("here"), stored())).run_id
    raw.terminate(names())
    assert shown(raw, names()) == (0, 0)
    assert listed(raw, f"WorkflowId = '{names()}'") == {run_id: {}}
    assert listed(raw, f"WorkflowId = '{names()}' AND {COUNT} IS NULL") == {run_id: {}}


def test_a_reset_run_counts_what_it_has(raw: RawClient, names) -> None:
    base = raw.start(names(), names.task_queue, input=several(stored(1024))).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), schedule_activity(
        "a", names.task_queue, input=several(stored(2048)), start_to_close=60))
    assert shown(raw, names()) == (2, 3072)

    def reset() -> str:
        return raw.call(
            "ResetWorkflowExecution", workflow_execution=execution(names(), base),
            reason="again", request_id=str(uuid.uuid4()), workflow_task_finish_event_id=4).run_id

    run_id = reset()
    assert shown(raw, names(), run_id) == (1, 1024)
    assert shown(raw, names(), base) == (2, 3072)
    assert listed(raw, f"WorkflowId = '{names()}' AND {COUNT} = 2") == {
        base: {COUNT: b"2", SIZE: b"3072"}}
    raw.call(
        "SignalWorkflowExecution", workflow_execution=execution(names(), run_id),
        signal_name="s", input=several(stored(1)))
    assert shown(raw, names(), run_id) == (2, 1025)
    base = run_id
    again = reset()
    assert shown(raw, names(), again) == (2, 1025), "a signal that is taken over counts"
    assert types(raw.history(names(), again)) == [
        *IDLE[:3], "WorkflowTaskFailed", "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]


def test_each_run_of_a_chain_counts_its_own(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue, input=several(stored(1), stored(2))).run_id
    command = continue_as_new("Raw", names.task_queue)
    command.continue_as_new_workflow_execution_command_attributes.input.CopyFrom(
        several(stored(50)))
    raw.respond(raw.next_workflow_task(names.task_queue), command)
    assert shown(raw, names(), first) == (3, 53), "with what it hands on"
    assert shown(raw, names()) == (1, 50)
    raw.terminate(names())


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_survives_a_restart(own_server, tmp_path, names, end: str) -> None:
    server: TargetServer = own_server(db_filename=tmp_path / "server.sqlite").start()

    def connected(work: Any) -> None:
        raw = RawClient(server.address)
        work(raw)
        raw.close()

    def before(raw: RawClient) -> None:
        raw.start(names(), names.task_queue, input=several(stored(99)))
        assert shown(raw, names()) == (1, 99)

    def after(raw: RawClient) -> None:
        assert shown(raw, names()) == (1, 99)
        close = complete()
        close.complete_workflow_execution_command_attributes.result.CopyFrom(several(stored(1)))
        raw.respond(raw.next_workflow_task(names.task_queue), close)
        assert shown(raw, names()) == (2, 100)
        assert [*listed(raw, f"{COUNT} = 2").values()] == [{COUNT: b"2", SIZE: b"100"}]

    connected(before)
    getattr(server, end)()
    server.start()
    connected(after)
