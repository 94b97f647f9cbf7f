"""Activities that no workflow started are listed apart from workflows."""

from __future__ import annotations

import json

import pytest
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import ActivityExecutionStatus as Status
from temporalio.client import Client

from Support.errors import expect_error
from Support.raw import RawClient, payload


@pytest.fixture
def listed(raw: RawClient, names) -> dict[str, str]:
    """Run ids of four activities of one type: running, completed, terminated, canceled."""
    runs: dict[str, str] = {}
    for what in ("running", "completed", "terminated", "canceled"):
        fields = {"CustomKeywordField": payload(what)}
        runs[what] = raw.start_activity(
            names(what), names(f"{what}-tq"), kind=names("type"),
            search_attributes=SearchAttributes(indexed_fields=fields)).run_id
    raw.complete_activity(raw.next_activity_task(names("completed-tq")))
    raw.call("TerminateActivityExecution", activity_id=names("terminated"))
    raw.call("RequestCancelActivityExecution", activity_id=names("canceled"))
    return runs


def found(raw: RawClient, query: str, **fields) -> list[str]:
    reply = raw.call("ListActivityExecutions", query=query, **fields)
    return [row.run_id for row in reply.executions]


def test_rows(raw: RawClient, names, listed) -> None:
    query = f"ActivityType = '{names('type')}'"
    rows = {
        row.run_id: row for row in raw.call("ListActivityExecutions", query=query).executions}
    assert set(rows) == set(listed.values())
    row = rows[listed["completed"]]
    assert row.activity_id == names("completed") and row.activity_type.name == names("type")
    assert row.status == Status.ACTIVITY_EXECUTION_STATUS_COMPLETED
    assert row.task_queue == names("completed-tq") and row.state_transition_count > 0
    assert row.execution_duration.ToNanoseconds() == (
        row.close_time.ToNanoseconds() - row.schedule_time.ToNanoseconds())
    assert row.execution_time == row.schedule_time
    attribute = row.search_attributes.indexed_fields["CustomKeywordField"]
    assert json.loads(attribute.data) == "completed"
    open_row = rows[listed["running"]]
    assert open_row.status == Status.ACTIVITY_EXECUTION_STATUS_RUNNING
    assert not open_row.HasField("close_time")


def test_queries(raw: RawClient, names, listed) -> None:
    kind = f"ActivityType = '{names('type')}'"
    for query, wanted in (
        (f"ActivityId = '{names('completed')}'", {"completed"}),
        (f"ActivityId STARTS_WITH '{names.base}' AND ExecutionStatus = 'Running'", {"running"}),
        (f"{kind} AND ExecutionStatus IN ('Terminated', 'Canceled')", {"terminated", "canceled"}),
        (f"{kind} AND ExecutionStatus = 'ACTIVITY_EXECUTION_STATUS_COMPLETED'", {"completed"}),
        (f"{kind} AND TaskQueue = '{names('running-tq')}'", {"running"}),
        (f"{kind} AND CloseTime IS NULL", {"running"}),
        (f"{kind} AND CustomKeywordField = 'canceled'", {"canceled"}),
        (f"{kind} AND StartTime > '2020-01-01T00:00:00Z' AND RunId = '{listed['completed']}'",
         {"completed"}),
        (f"{kind} AND ExecutionTime < '2020-01-01T00:00:00Z'", set()),
        (f"{kind} AND TemporalNamespaceDivision = 'other'", set()),
    ):
        assert set(found(raw, query)) == {listed[what] for what in wanted}, query
    for query in ("NoSuchAttribute = 1", "ActivityType =", "ExecutionStatus = 'ContinuedAsNew'",
                  "ActivityType = 'x' GROUP BY ExecutionStatus"):
        with expect_error("INVALID_ARGUMENT", match="invalid query"):
            found(raw, query)


def test_pages(raw: RawClient, names, listed) -> None:
    query, token, runs = f"ActivityType = '{names('type')}'", b"", []
    for size in (3, 1):
        reply = raw.call(
            "ListActivityExecutions", query=query, page_size=3, next_page_token=token)
        assert len(reply.executions) == size
        runs += [row.run_id for row in reply.executions]
        token = reply.next_page_token
    assert not token and sorted(runs) == sorted(listed.values())


def test_counts(raw: RawClient, names, listed) -> None:
    query = f"ActivityType = '{names('type')}'"
    assert raw.call("CountActivityExecutions", query=query).count == 4
    grouped = raw.call("CountActivityExecutions", query=f"{query} GROUP BY ExecutionStatus")
    assert grouped.count == 4
    groups = {json.loads(g.group_values[0].data): g.count for g in grouped.groups}
    assert groups == {"Running": 1, "Completed": 1, "Terminated": 1, "Canceled": 1}
    with expect_error("INVALID_ARGUMENT", match="GROUP BY"):
        raw.call("CountActivityExecutions", query="GROUP BY ActivityType")


def test_lists_of_workflows_do_not_show_them(raw: RawClient, names, listed) -> None:
    workflow = raw.start(names("running"), names.task_queue).run_id
    query = f"WorkflowId STARTS_WITH '{names.base}'"
    rows = raw.call("ListWorkflowExecutions", query=query).executions
    assert [row.execution.run_id for row in rows] == [workflow]
    assert raw.call("CountWorkflowExecutions", query=query).count == 1
    assert workflow not in found(raw, f"ActivityId STARTS_WITH '{names.base}'")
    everything = raw.call(
        "ListWorkflowExecutions", query=f"{query} AND TemporalNamespaceDivision IS NOT NULL")
    assert {row.execution.run_id for row in everything.executions} == set(listed.values())


def test_division_of_a_workflow(raw: RawClient, names) -> None:
    fields = {"TemporalNamespaceDivision": payload("mine")}
    run_id = raw.start(
        names(), names.task_queue,
        search_attributes=SearchAttributes(indexed_fields=fields)).run_id
    query = f"WorkflowId = '{names()}'"
    assert not raw.call("ListWorkflowExecutions", query=query).executions
    rows = raw.call(
        "ListWorkflowExecutions", query=f"{query} AND TemporalNamespaceDivision = 'mine'")
    assert [row.execution.run_id for row in rows.executions] == [run_id]


async def test_sdk_lists(client: Client, raw: RawClient, names, listed) -> None:
    query = f"ActivityType = '{names('type')}'"
    ids = {row.activity_id async for row in client.list_activities(query)}
    assert ids == {names(what) for what in listed}
    assert (await client.count_activities(query)).count == 4
