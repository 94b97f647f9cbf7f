"""Reading histories: pages, long polls, the close-event filter, tokens, replay of long ones."""

from __future__ import annotations

import threading
import time

import grpc
import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EncodingType, HistoryEventFilterType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.client import Client

from Support.errors import expect_error, may_fail_with
from Support.histories import (
    IDLE, TASK, assert_history, assert_well_formed, attributes, types)
from Support.raw import (
    RawClient, RetryPolicy, complete, continue_as_new, execution, fail, marker, seconds, ws)
from Support.sdk import eventually_sync, make_worker, replayed


def _long(raw: RawClient, names, events: int, close: bool = True) -> str:
    """A run with this many marker events."""
    run_id = raw.start(names(), names.task_queue).run_id
    commands = [marker(f"m{i}", n=i) for i in range(events)]
    raw.respond(
        raw.next_workflow_task(names.task_queue), *commands, *([complete()] if close else []))
    return run_id


def test_pages(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    for batch in range(6):
        raw.respond(
            raw.next_workflow_task(names.task_queue),
            *[marker(f"m{batch}-{i}") for i in range(100)],
            force_create_new_workflow_task=batch < 5)
    pages, token, sizes = [], b"", []
    while True:
        page = raw.history_page(names(), run_id, token=token)
        pages += page.history.events
        sizes.append(len(page.history.events))
        token = page.next_page_token
        if not token:
            break
    assert len(pages) == 2 + 6 * 102 + 5
    assert_well_formed(pages)
    assert pages[0].event_id == 1
    assert len(sizes) > 1, "more events than one page holds"


def test_small_pages(raw: RawClient, names) -> None:
    run_id = _long(raw, names, 1)
    seen, token, rounds = [], b"", 0
    while True:
        page = raw.history_page(names(), run_id, token=token, page_size=1)
        seen += [e.event_id for e in page.history.events]
        rounds += 1
        token = page.next_page_token
        if not token:
            break
    assert seen == [1, 2, 3, 4, 5, 6]
    assert 3 <= rounds <= 7


def test_worker_pages_through_a_long_history(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    for _ in range(4):
        raw.respond(
            raw.next_workflow_task(names.task_queue), *[marker(f"m{i}") for i in range(100)],
            force_create_new_workflow_task=True)
    task = raw.next_workflow_task(names.task_queue)
    events, token = list(task.history.events), task.next_page_token
    assert token, "the first page is not all"
    while token:
        page = raw.history_page(
            names(), task.workflow_execution.run_id, token=token)
        events += page.history.events
        token = page.next_page_token
    assert events[-1].event_id == task.started_event_id
    assert_well_formed(events)
    raw.respond(task, complete())


def test_long_poll_waits_for_the_next_event(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    page = raw.history_page(names(), run_id, wait=True)
    assert types(page.history.events) == ["WorkflowExecutionStarted", "WorkflowTaskScheduled"]
    assert page.next_page_token, "the run is open"
    threading.Timer(0.4, raw.signal, [names(), "s"]).start()
    before = time.monotonic()
    page = raw.history_page(names(), run_id, wait=True, token=page.next_page_token)
    assert types(page.history.events) == ["WorkflowExecutionSignaled"]
    assert 0.3 <= time.monotonic() - before < 5
    raw.terminate(names())
    page = raw.history_page(names(), run_id, wait=True, token=page.next_page_token)
    assert types(page.history.events) == ["WorkflowExecutionTerminated"]
    assert not page.next_page_token


def test_long_poll_ends_empty_before_the_callers_deadline(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    token = raw.history_page(names(), run_id, wait=True).next_page_token
    page = raw.history_page(names(), run_id, wait=True, token=token, timeout=3)
    assert not page.history.events
    assert page.next_page_token, "the caller may go on waiting"


def test_close_event_filter(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    page = raw.history_page(names(), run_id, close_only=True)
    assert not page.history.events and not page.next_page_token
    threading.Timer(0.4, raw.terminate, [names()]).start()
    page = raw.history_page(names(), run_id, close_only=True, wait=True)
    while not page.history.events:
        page = raw.history_page(
            names(), run_id, close_only=True, wait=True, token=page.next_page_token)
    assert types(page.history.events) == ["WorkflowExecutionTerminated"]
    assert not page.next_page_token
    page = raw.history_page(names(), run_id, close_only=True)
    assert types(page.history.events) == ["WorkflowExecutionTerminated"]


def test_close_event_of_a_continued_run(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue))
    page = raw.history_page(names(), run_id, close_only=True, wait=True)
    attributes = page.history.events[0].workflow_execution_continued_as_new_event_attributes
    assert attributes.new_execution_run_id


# How a run may end that another one follows, and what a close event says of it to clients that
# do not look for the next run there.
FOLLOWED = {
    "completed": {"lastCompletionResult": ["done"]},
    "failed": {"failure": {"message": "first"}},
    "timed-out": {"failure": {
        "message": "workflow timeout", "source": "Server",
        "timeoutFailureInfo": {"timeoutType": "TIMEOUT_TYPE_START_TO_CLOSE"}}},
}


def _followed(raw: RawClient, names, how: str) -> str:
    """A run that ended and has a next one."""
    options = {
        "completed": {"cron_schedule": "@every 1s"},
        "failed": {"retry_policy": RetryPolicy(initial_interval=seconds(60))},
        "timed-out": {
            "retry_policy": RetryPolicy(initial_interval=seconds(60)), "run_timeout": 0.5},
    }
    run_id = raw.start(names(), names.task_queue, **options[how]).run_id
    if how == "timed-out":
        raw.wait_closed(names(), run_id)
    else:
        raw.respond(
            raw.next_workflow_task(names.task_queue),
            complete("done") if how == "completed" else fail("first"))
    return run_id


def _close_event(
    raw: RawClient, workflow_id: str, run_id: str, features: str | None, wait: bool
) -> HistoryEvent:
    """The close event as a client is told it that says these features of itself, or none."""
    request = raw.request(
        "GetWorkflowExecutionHistory", execution=execution(workflow_id, run_id),
        wait_new_event=wait,
        history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
    page = raw.stub.GetWorkflowExecutionHistory(
        request, timeout=10,
        metadata=[] if features is None else [("supported-features", features)])
    [event] = page.history.events
    return event


@pytest.mark.parametrize("wait", [False, True], ids=["now", "long-poll"])
@pytest.mark.parametrize("features", [None, "follows,other"])
@pytest.mark.parametrize("how", FOLLOWED)
def test_close_event_for_clients_that_follow_continuations_only(
    raw: RawClient, names, how: str, features: str | None, wait: bool
) -> None:
    run_id = _followed(raw, names, how)
    real = raw.history(names(), run_id)[-1]
    event = _close_event(raw, names(), run_id, features, wait)
    assert types([event]) == ["WorkflowExecutionContinuedAsNew"]
    told = attributes(event)
    assert told.pop("newExecutionRunId") == attributes(real)["newExecutionRunId"]
    if how == "failed":
        told["failure"] = {"message": told["failure"]["message"]}
    assert told == FOLLOWED[how], "nothing else is told"
    for field in ("event_id", "event_time", "version", "task_id"):
        assert getattr(event, field) == getattr(real, field), field
    raw.terminate(names())


@pytest.mark.parametrize("features", ["follows-next-run-id", "other,follows-next-run-id"])
@pytest.mark.parametrize("how", FOLLOWED)
def test_close_event_for_clients_that_follow_runs(
    raw: RawClient, names, how: str, features: str
) -> None:
    run_id = _followed(raw, names, how)
    history = raw.history(names(), run_id)
    expected = "".join(word.capitalize() for word in how.split("-"))
    assert types(history)[-1] == f"WorkflowExecution{expected}", "all events are as they are"
    for wait in (False, True):
        assert _close_event(raw, names(), run_id, features, wait) == history[-1]
    raw.terminate(names())


def test_close_event_without_a_next_run(raw: RawClient, names) -> None:
    run_id = raw.start(
        names(), names.task_queue, retry_policy=RetryPolicy(maximum_attempts=1)).run_id
    raw.respond(raw.next_workflow_task(names.task_queue), fail("first and last"))
    for features in (None, "follows-next-run-id"):
        event = _close_event(raw, names(), run_id, features, wait=False)
        assert types([event]) == ["WorkflowExecutionFailed"]


def test_many_waiters_for_one_close(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    closed: list[str] = []
    waiters = [
        threading.Thread(target=lambda: closed.append(
            types([raw.wait_closed(names(), run_id)])[0]))
        for _ in range(10)
    ]
    for waiter in waiters:
        waiter.start()
    raw.terminate(names())
    for waiter in waiters:
        waiter.join(15)
    assert closed == ["WorkflowExecutionTerminated"] * 10


def test_tampered_tokens(raw: RawClient, names) -> None:
    _long(raw, names, 3)
    first = raw.start(names("other"), names.task_queue).run_id
    page = raw.history_page(names("other"), first, wait=True)
    token = page.next_page_token
    assert token
    for wrong in (b"junk", token[:-1], token[: len(token) // 2], b"\xff" * 64):
        with may_fail_with("INVALID_ARGUMENT", "NOT_FOUND"):
            raw.history_page(names("other"), first, token=wrong, wait=True, timeout=3)
    # A token of one run is no key to another.
    with expect_error("INVALID_ARGUMENT"):
        raw.history_page(names(), raw.describe(
            names()).workflow_execution_info.execution.run_id, token=token)


@pytest.mark.parametrize("which", ["workflow", "run", "empty", "uuid"])
def test_unknown_histories(raw: RawClient, names, which: str) -> None:
    raw.start(names(), names.task_queue)
    unknown = "11111111-1111-4111-8111-111111111111"
    if which == "workflow":
        with expect_error("NOT_FOUND"):
            raw.history_page(names("none"))
    elif which == "run":
        with expect_error("NOT_FOUND"):
            raw.history_page(names(), unknown)
    elif which == "empty":
        with expect_error("INVALID_ARGUMENT"):
            raw.history_page("")
    else:
        with expect_error("INVALID_ARGUMENT"):
            raw.history_page(names(), "no-uuid")


def _reverse(raw: RawClient, workflow_id: str, **fields):
    return raw.call(
        "GetWorkflowExecutionHistoryReverse", execution=execution(workflow_id), **fields)


def test_reverse(raw: RawClient, names) -> None:
    run_id = _long(raw, names, 3)
    page = raw.call("GetWorkflowExecutionHistoryReverse", execution=execution(names(), run_id))
    assert [e.event_id for e in page.history.events] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert list(page.history.events)[::-1] == raw.history(names())
    assert not page.next_page_token


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
def test_reverse_pages(raw: RawClient, names, size: int) -> None:
    _long(raw, names, 3)
    seen, token = [], b""
    while True:
        page = _reverse(raw, names(), maximum_page_size=size, next_page_token=token)
        assert len(page.history.events) <= size
        seen += [e.event_id for e in page.history.events]
        token = page.next_page_token
        if not token:
            break
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]


def test_reverse_of_a_long_open_run(raw: RawClient, names) -> None:
    """Events that come while somebody reads do not join in."""
    _long(raw, names, 600, close=False)
    page = _reverse(raw, names())
    assert page.history.events[0].event_id == 604
    raw.signal(names(), "s")
    seen, token = [e.event_id for e in page.history.events], page.next_page_token
    while token:
        page = _reverse(raw, names(), next_page_token=token)
        seen += [e.event_id for e in page.history.events]
        token = page.next_page_token
    assert seen == list(range(604, 0, -1))


def test_reverse_tampered_tokens(raw: RawClient, names) -> None:
    _long(raw, names, 3)
    raw.start(names("other"), names.task_queue)
    token = _reverse(raw, names(), maximum_page_size=2).next_page_token
    for wrong in (b"junk", token[:-1], token[: len(token) // 2], b"\xff" * 64):
        with may_fail_with("INVALID_ARGUMENT", "NOT_FOUND"):
            _reverse(raw, names(), next_page_token=wrong)
    with expect_error("NOT_FOUND"):
        _reverse(raw, names("other"), next_page_token=token)
    with expect_error("INVALID_ARGUMENT", match="NextPageToken"):
        raw.history_page(names(), token=token)
    other = raw.describe(names("other")).workflow_execution_info.execution.run_id
    with expect_error("INVALID_ARGUMENT", match="does not match the NextPageToken"):
        raw.call(
            "GetWorkflowExecutionHistoryReverse", next_page_token=token,
            execution=execution(names("other"), other))


def _failing(raw: RawClient, names) -> None:
    """A run whose second attempt of a workflow task is with a worker."""
    raw.start(names(), names.task_queue)
    raw.fail_workflow_task(raw.next_workflow_task(names.task_queue), 1)
    raw.next_workflow_task(names.task_queue)


def test_unwritten_events_are_shown(raw: RawClient, names) -> None:
    _failing(raw, names)
    written = [
        "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
        "WorkflowTaskFailed"]
    events = raw.history(names())
    assert types(events) == [*written, "WorkflowTaskScheduled", "WorkflowTaskStarted"]
    assert_well_formed(events)
    assert events[4].workflow_task_scheduled_event_attributes.attempt == 2
    assert types(_reverse(raw, names()).history.events)[::-1] == written


@pytest.mark.parametrize("client_name", ["temporal-cli", "temporal-ui"])
def test_unwritten_events_are_not_shown_to_people(raw: RawClient, names, client_name) -> None:
    _failing(raw, names)
    request = ws.GetWorkflowExecutionHistoryRequest(
        namespace="default", execution=execution(names()))
    page = raw.stub.GetWorkflowExecutionHistory(
        request, metadata=[("client-name", client_name)], timeout=10)
    assert types(page.history.events)[-1] == "WorkflowTaskFailed"


def test_raw_history(own_server, names) -> None:
    server = own_server(
        extra=["--dynamic-config-value", "frontend.sendRawWorkflowHistory=true"]).start()
    raw = RawClient(server.address)
    _long(raw, names, 300)
    events, token = [], b""
    while True:
        page = raw.history_page(names(), token=token)
        assert not page.history.events and len(page.raw_history) >= 1
        for blob in page.raw_history:
            assert blob.encoding_type == EncodingType.ENCODING_TYPE_PROTO3
            events += History.FromString(blob.data).events
        token = page.next_page_token
        if not token:
            break
    assert len(events) == 305
    assert_well_formed(events)
    raw.close()


def _points(raw: RawClient, workflow_id: str) -> list[tuple[str, int]]:
    info = raw.describe(workflow_id).workflow_execution_info
    return [(p.binary_checksum, p.first_workflow_task_completed_id)
            for p in info.auto_reset_points.points]


def test_reset_points(raw: RawClient, names) -> None:
    """The first workflow task each build completed, carried over to the next run."""
    run_id = raw.start(names(), names.task_queue).run_id
    for checksum in ("one", "one", "two"):
        raw.respond(
            raw.next_workflow_task(names.task_queue), force_create_new_workflow_task=True,
            binary_checksum=checksum)
    assert _points(raw, names()) == [("one", 4), ("two", 10)]
    raw.respond(
        raw.next_workflow_task(names.task_queue), continue_as_new("Raw", names.task_queue),
        binary_checksum="two")
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task, complete(), binary_checksum="three")
    points = raw.describe(names()).workflow_execution_info.auto_reset_points.points
    assert [(p.binary_checksum, p.run_id) for p in points] == [
        ("one", run_id), ("two", run_id), ("three", task.workflow_execution.run_id)]
    assert [p.HasField("expire_time") for p in points] == [True, True, False]
    assert all(p.resettable for p in points)


def test_only_the_newest_reset_points_are_kept(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    for number in range(23):
        raw.respond(
            raw.next_workflow_task(names.task_queue), force_create_new_workflow_task=True,
            binary_checksum=f"b{number}")
    assert [name for name, _ in _points(raw, names())] == [f"b{n}" for n in range(3, 23)]


def test_bad_binary(server, names) -> None:
    """What a build that was marked as bad completes is not taken."""
    client = RawClient(server.address, names("ns"))
    client.call(
        "RegisterNamespace", namespace=names("ns"),
        workflow_execution_retention_period=seconds(86_400))
    eventually_sync(lambda: _starts(client, names))
    task = client.next_workflow_task(names.task_queue)
    client.call("UpdateNamespace", config={
        "bad_binaries": {"binaries": {"b1": {"reason": "broken", "operator": "me"}}}})

    with expect_error(
        "INVALID_ARGUMENT", match="^BadBinary: binary b1 is marked as bad deployment$"):
        client.respond(task, complete(), binary_checksum="b1")
    assert_history(client.history(names())[:4], """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_BAD_BINARY"}
    """)
    with expect_error("INVALID_ARGUMENT", match="^Binary b1 already marked as bad deployment.$"):
        client.call(
            "PollWorkflowTaskQueue", task_queue=TaskQueue(name=names.task_queue),
            binary_checksum="b1")
    client.respond(client.next_workflow_task(names.task_queue), complete(), binary_checksum="b2")
    client.close()


def _starts(client: RawClient, names) -> bool:
    """A new namespace is known everywhere only after a moment."""
    try:
        client.start(names(), names.task_queue)
    except grpc.RpcError as error:
        assert error.code().name == "NOT_FOUND"
        return False
    return True


@workflow.defn
class LongOne:
    @workflow.run
    async def run(self, rounds: int) -> int:
        for _ in range(rounds):
            await workflow.sleep(0.001)
        return rounds


async def test_long_history_replays(client: Client, names) -> None:
    """More than a page of events, driven without a cache now and then, then replayed."""
    worker = make_worker(client, names.task_queue, workflows=[LongOne], max_cached_workflows=1)
    async with worker:
        handle = await client.start_workflow(
            LongOne.run, 80, id=names(), task_queue=names.task_queue)
        assert await handle.result() == 80
    events = [event async for event in handle.fetch_history_events(page_size=50)]
    assert types(events) == [
        *IDLE, *["TimerStarted", "TimerFired", *TASK] * 80, "WorkflowExecutionCompleted"]
    assert_well_formed(events)
    assert await replayed(handle, LongOne) == events
