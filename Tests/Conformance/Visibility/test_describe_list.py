"""Describe, list and count: attributes, memo, filters, order, pages, wrong queries."""

from __future__ import annotations

import time

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from Support.errors import expect_error
from Support.histories import IDLE, TASK, find, types
from Support.raw import (
    Memo, RawClient, SearchAttributes, complete, fail, payload, start_timer,
    upsert_search_attributes,
)
from Support.sdk import make_worker, replayed

KEYWORD = SearchAttributeKey.for_keyword("CustomKeywordField")
INTEGER = SearchAttributeKey.for_int("CustomIntField")
DOUBLE = SearchAttributeKey.for_float("CustomDoubleField")
BOOL = SearchAttributeKey.for_bool("CustomBoolField")
KEYWORDS = SearchAttributeKey.for_keyword_list("CustomKeywordListField")


@workflow.defn
class Upserts:
    @workflow.run
    async def run(self) -> str:
        workflow.upsert_search_attributes([
            KEYWORD.value_set("changed"), INTEGER.value_set(42), BOOL.value_set(True),
            DOUBLE.value_set(2.5), KEYWORDS.value_set(["a", "b"])])
        workflow.upsert_memo({"added": [1, 2], "gone": None})
        await workflow.sleep(0.05)
        return workflow.info().typed_search_attributes[KEYWORD]


async def test_upserts_show_in_describe_and_list(client: Client, names) -> None:
    async with make_worker(
        client, names.task_queue, workflows=[Upserts], max_cached_workflows=0
    ):
        handle = await client.start_workflow(
            Upserts.run, id=names(), task_queue=names.task_queue,
            memo={"kept": "k", "gone": "g"},
            search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "first")]))
        assert await handle.result() == "changed"
        description = await handle.describe()
    assert await description.memo() == {"kept": "k", "added": [1, 2]}
    assert types(await replayed(handle, Upserts)) == [
        *IDLE, "UpsertWorkflowSearchAttributes", "WorkflowPropertiesModified", "TimerStarted",
        "TimerFired", *TASK, "WorkflowExecutionCompleted"]
    attributes = description.typed_search_attributes
    assert attributes[KEYWORD] == "changed" and attributes[INTEGER] == 42
    assert attributes[BOOL] is True and attributes[DOUBLE] == 2.5
    assert list(attributes[KEYWORDS]) == ["a", "b"]
    query = (
        f"WorkflowId = '{names()}' AND CustomKeywordField = 'changed' AND CustomIntField > 41 "
        "AND CustomBoolField = true AND CustomDoubleField < 3 AND CustomKeywordListField = 'b'")
    found = [w async for w in client.list_workflows(query)]
    assert [w.id for w in found] == [names()]
    assert found[0].typed_search_attributes[INTEGER] == 42
    assert await found[0].memo() == {"kept": "k", "added": [1, 2]}


def test_describe_a_running_workflow(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue, kind="Kind", run_timeout=3600).run_id
    reply = raw.describe(names())
    info, config = reply.workflow_execution_info, reply.execution_config
    assert (info.execution.workflow_id, info.execution.run_id) == (names(), run_id)
    assert (info.type.name, info.task_queue, info.status) == ("Kind", names.task_queue, 1)
    assert info.history_length == 2 and info.state_transition_count >= 1
    assert info.history_size_bytes > 0
    assert info.first_run_id == run_id
    assert info.start_time.seconds > 0 and not info.HasField("close_time")
    assert config.task_queue.name == names.task_queue
    assert config.workflow_run_timeout.ToSeconds() == 3600
    assert config.default_workflow_task_timeout.ToSeconds() == 10
    assert reply.pending_workflow_task.attempt == 1
    assert reply.pending_workflow_task.scheduled_time.seconds > 0


def test_describe_a_closed_workflow(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue), complete())
    reply = raw.describe(names())
    info = reply.workflow_execution_info
    assert info.status == 2 and info.history_length == 5
    assert info.close_time.ToNanoseconds() >= info.start_time.ToNanoseconds()
    assert info.HasField("execution_duration")
    assert not reply.HasField("pending_workflow_task")


def test_describe_an_unknown_workflow(raw: RawClient, names) -> None:
    with expect_error("NOT_FOUND"):
        raw.describe(names("none"))
    with expect_error("INVALID_ARGUMENT"):
        raw.describe("")


def _list(raw: RawClient, query: str, page_size: int = 0) -> list:
    found, token = [], b""
    while True:
        page = raw.call(
            "ListWorkflowExecutions", query=query, page_size=page_size, next_page_token=token)
        assert not page_size or len(page.executions) <= page_size
        found += page.executions
        token = page.next_page_token
        if not token:
            return found


def _ids(raw: RawClient, query: str, **options) -> list[str]:
    return [e.execution.workflow_id for e in _list(raw, query, **options)]


def test_started_workflow_is_listed_at_once(raw: RawClient, names) -> None:
    for i in range(20):
        raw.start(names(str(i)), names.task_queue)
        assert _ids(raw, f"WorkflowId = '{names(str(i))}'") == [names(str(i))]


def test_filters(raw: RawClient, names) -> None:
    mine = f"TaskQueue = '{names.task_queue}'"
    for index, close in enumerate(("run", "complete", "fail", "terminate", "run")):
        kind = "Even" if index % 2 == 0 else "Odd"
        fields = {"CustomIntField": payload(index), "CustomTextField": payload(f"word{index} all")}
        raw.start(
            names(str(index)), names.task_queue, kind=kind,
            search_attributes=SearchAttributes(indexed_fields=fields))
        if close == "terminate":
            raw.terminate(names(str(index)))
        elif close != "run":
            task = raw.next_workflow_task(names.task_queue)
            while task.workflow_execution.workflow_id != names(str(index)):
                raw.respond(task)
                task = raw.next_workflow_task(names.task_queue)
            raw.respond(task, complete() if close == "complete" else fail("f"))

    def expect(query: str, *indices: int) -> None:
        wanted = {names(str(i)) for i in indices}
        assert set(_ids(raw, f"{mine} AND ({query})")) == wanted, query
        count = raw.call("CountWorkflowExecutions", query=f"{mine} AND ({query})").count
        assert count == len(wanted), query

    expect("ExecutionStatus = 'Running'", 0, 4)
    expect("ExecutionStatus = 'Completed' OR ExecutionStatus = 'Failed'", 1, 2)
    expect("ExecutionStatus IN ('Terminated', 'Failed')", 2, 3)
    expect("ExecutionStatus != 'Running'", 1, 2, 3)
    expect("WorkflowType = 'Even'", 0, 2, 4)
    expect("WorkflowType = 'Even' AND NOT ExecutionStatus = 'Running'", 2)
    expect("CloseTime IS NULL", 0, 4)
    expect("CloseTime IS NOT NULL", 1, 2, 3)
    expect("CustomIntField BETWEEN 1 AND 3", 1, 2, 3)
    expect("CustomIntField >= 3", 3, 4)
    expect("CustomIntField IN (0, 4)", 0, 4)
    expect(f"WorkflowId STARTS_WITH '{names.base}'", 0, 1, 2, 3, 4)
    expect(f"WorkflowId = \"{names('2')}\"", 2)
    expect("StartTime > '2020-01-01T00:00:00Z'", 0, 1, 2, 3, 4)
    expect("StartTime > '2100-01-01T00:00:00Z'")
    expect("CustomTextField = 'word2'", 2)
    expect("CustomKeywordField IS NULL", 0, 1, 2, 3, 4)
    expect("(WorkflowType = 'Odd' OR CustomIntField = 0) AND ExecutionStatus = 'Running'", 0)


def test_running_first_newest_first(raw: RawClient, names) -> None:
    for index in range(4):
        raw.start(names(str(index)), names.task_queue)
        time.sleep(0.002)
    raw.terminate(names("1"))
    raw.terminate(names("2"))
    expected = [names(i) for i in ("3", "0", "2", "1")]
    assert _ids(raw, f"TaskQueue = '{names.task_queue}'") == expected


def test_pages(raw: RawClient, names) -> None:
    for index in range(23):
        raw.start(names(str(index)), names.task_queue)
    found = _ids(raw, f"TaskQueue = '{names.task_queue}'", page_size=5)
    assert len(found) == 23 and set(found) == {names(str(i)) for i in range(23)}
    with expect_error("INVALID_ARGUMENT"):
        raw.call("ListWorkflowExecutions", query="", next_page_token=b"\xff not a token")


def test_count_by_status(raw: RawClient, names) -> None:
    for index in range(3):
        raw.start(names(str(index)), names.task_queue)
    raw.terminate(names("0"))
    reply = raw.call(
        "CountWorkflowExecutions",
        query=f"TaskQueue = '{names.task_queue}' GROUP BY ExecutionStatus")
    groups = {group.group_values[0].data: group.count for group in reply.groups}
    assert reply.count == 3
    assert groups == {b'"Running"': 2, b'"Terminated"': 1}


@pytest.mark.parametrize("query", [
    "nonsense", "WorkflowId =", "NoSuchField = 1", "WorkflowId = unquoted", "WorkflowId LIKE 'a%'",
    "WorkflowId = 'a' ORDER BY StartTime", "WorkflowId = 'a' LIMIT 1", "((WorkflowId = 'a')",
    "ExecutionStatus = 'Sleeping'", "StartTime > 'yesterday'", "WorkflowId = 'a'; DROP TABLE x",
    "WorkflowId = 'unterminated", "1 = 1 OR WorkflowId", "CustomIntField = 'words'",
])
def test_wrong_queries(raw: RawClient, query: str) -> None:
    for rpc in ("ListWorkflowExecutions", "CountWorkflowExecutions"):
        with expect_error("INVALID_ARGUMENT"):
            raw.call(rpc, query=query)


def test_quotes_are_data(raw: RawClient, names) -> None:
    odd = names("o'ne \"two\" %_\\ ; --")
    raw.start(odd, names.task_queue)
    escaped = odd.replace("\\", "\\\\").replace("'", "''")
    assert _ids(raw, f"WorkflowId = '{escaped}'") == [odd]
    assert _ids(raw, "WorkflowId = '' OR WorkflowId = ''' OR 1=1'") == []


def test_upsert_as_events(raw: RawClient, names) -> None:
    run_id = raw.start(names(), names.task_queue).run_id
    raw.respond(
        raw.next_workflow_task(names.task_queue),
        upsert_search_attributes(CustomKeywordField="v"), start_timer("t", 60))
    upserted = find(raw.history(names(), run_id), "UpsertWorkflowSearchAttributes")
    assert upserted["searchAttributes"]["indexedFields"]["CustomKeywordField"] == "v"
    assert _ids(raw, f"CustomKeywordField = 'v' AND WorkflowId = '{names()}'") == [names()]


@pytest.mark.parametrize("attributes", [
    {"NoSuchField": 1}, {"CustomIntField": "words"}, {"CustomBoolField": 3},
    {"RunId": "mine"},
], ids=lambda a: next(iter(a)))
def test_wrong_search_attributes(raw: RawClient, names, attributes) -> None:
    fields = {key: payload(value) for key, value in attributes.items()}
    with expect_error("INVALID_ARGUMENT"):
        raw.start(
            names(), names.task_queue, search_attributes=SearchAttributes(indexed_fields=fields))
    run_id = raw.start(names(), names.task_queue).run_id
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(task, upsert_search_attributes(**attributes))
    failed = find(raw.history(names(), run_id), "WorkflowTaskFailed")
    assert failed["cause"] == "WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES"


def test_memo_is_kept_in_the_started_event(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue, memo=Memo(fields={"a": payload([1])}))
    started = find(raw.history(names()), "WorkflowExecutionStarted")
    assert started["memo"]["fields"]["a"] == [1]
    assert types(raw.history(names()))[0] == "WorkflowExecutionStarted"
