"""Signals: order, buffering while a task runs, dedupe, and signals nobody can take."""

from __future__ import annotations

from temporalio.client import Client

from Support.errors import expect_error
from Support.histories import assert_history, attributes, find, story, type_name, types
from Support.programs import Collects
from Support.raw import Header, RawClient, complete, execution, fail, payloads, start_timer
from Support.sdk import make_worker, replayed


async def test_signals_in_order(client: Client, names) -> None:
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        for value in range(50):
            await handle.signal(Collects.add, value)
        await handle.signal(Collects.stop_at, 50)
        assert await handle.result() == list(range(50))
    events = await replayed(handle, Collects)
    assert story(events) == [
        "WorkflowExecutionStarted", *["WorkflowExecutionSignaled"] * 51,
        "WorkflowExecutionCompleted"]
    signals = [attributes(e) for e in events if type_name(e) == "WorkflowExecutionSignaled"]
    assert [signal["input"] for signal in signals] == [*[[n] for n in range(50)], [50]]


async def test_signals_before_a_worker_exists(client: Client, names) -> None:
    handle = await client.start_workflow(Collects.run, id=names(), task_queue=names.task_queue)
    await handle.signal(Collects.add, "first")
    await handle.signal(Collects.add, "second")
    await handle.signal(Collects.stop_at, 2)
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        assert await handle.result() == ["first", "second"]
    assert_history(await replayed(handle, Collects), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionSignaled {"signalName": "add", "input": ["first"]}
        4 WorkflowExecutionSignaled {"signalName": "add", "input": ["second"]}
        5 WorkflowExecutionSignaled {"signalName": "stop_at", "input": [2]}
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionCompleted
    """)


def test_signals_while_a_task_runs_are_buffered(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "one", 1)
    raw.signal(names(), "two", 2)
    assert types(raw.history(names(), run_id))[-1] == "WorkflowTaskStarted", "not visible yet"
    raw.respond(task, start_timer("t", 60))
    second = raw.next_workflow_task(names.task_queue)
    raw.respond(second, complete())
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted {"timerId": "t"}
        6 WorkflowExecutionSignaled {"signalName": "one", "input": [1]}
        7 WorkflowExecutionSignaled {"signalName": "two", "input": [2]}
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 WorkflowExecutionCompleted
    """)


def test_closing_over_a_buffered_signal_is_refused(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "late")
    with expect_error("INVALID_ARGUMENT", match="Unhandled"):
        raw.respond(task, complete("too soon"))
    again = raw.next_workflow_task(names.task_queue)
    raw.respond(again, complete("in time"))
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {"cause": "WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"}
        5 WorkflowExecutionSignaled {"signalName": "late"}
        6 WorkflowTaskScheduled
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCompleted {"result": ["in time"]}
    """)


def test_failing_over_a_buffered_signal_is_refused(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "late")
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, fail("too soon"))
    raw.respond(raw.next_workflow_task(names.task_queue), complete())


def test_signal_dedupe_by_request_id(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    for _ in range(3):
        raw.signal(names(), "once", request_id=names("request"))
    raw.signal(names(), "twice")
    assert_history(raw.history(names(), run_id), """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowExecutionSignaled {"signalName": "once"}
        4 WorkflowExecutionSignaled {"signalName": "twice"}
    """)


def test_signal_dedupe_holds_for_buffered_signals(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    raw.signal(names(), "once", request_id="r")
    raw.signal(names(), "once", request_id="r")
    raw.respond(task)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    raw_types = types(raw.history(names(), run_id))
    assert raw_types.count("WorkflowExecutionSignaled") == 1


def test_signal_carries_header_and_identity(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    header = Header(fields={"trace": payloads("abc").payloads[0]})
    raw.call(
        "SignalWorkflowExecution", workflow_execution=execution(names()), signal_name="s",
        input=payloads({"a": [1, None]}), identity="me", header=header)
    signaled = find(raw.history(names(), run_id), "WorkflowExecutionSignaled")
    assert signaled["identity"] == "me"
    assert signaled["input"] == [{"a": [1, None]}]
    assert signaled["header"] == {"fields": {"trace": "abc"}}


def test_signal_to_nobody(raw: RawClient, names) -> None:
    with expect_error("NOT_FOUND"):
        raw.signal(names("none"), "s")


def test_signal_to_a_closed_workflow(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.terminate(names())
    with expect_error("NOT_FOUND"):
        raw.signal(names(), "s")


def test_signal_to_an_older_run(raw: RawClient, names) -> None:
    first = raw.start(names(), names.task_queue).run_id
    raw.terminate(names())
    second = raw.start(names(), names.task_queue).run_id
    with expect_error("NOT_FOUND"):
        raw.signal(names(), "s", run_id=first)
    raw.signal(names(), "s", run_id=second)
    assert types(raw.history(names(), second))[-1] == "WorkflowExecutionSignaled"


def test_signal_flood_while_a_task_runs(raw: RawClient, names) -> None:
    """More signals than the buffer takes: the running task is failed, nothing is lost."""
    run_id = raw.start(names(), names.task_queue).run_id
    raw.next_workflow_task(names.task_queue)
    for value in range(150):
        raw.signal(names(), "s", value)
    task = raw.next_workflow_task(names.task_queue)
    raw.respond(task)
    events = raw.history(names(), run_id)
    while types(events).count("WorkflowExecutionSignaled") < 150:
        raw.respond(raw.next_workflow_task(names.task_queue))
        events = raw.history(names(), run_id)
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND"
    values = [
        int(e.workflow_execution_signaled_event_attributes.input.payloads[0].data)
        for e in events if e.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert values == list(range(150))
