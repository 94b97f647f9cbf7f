"""How requests about namespaces, lists and the cluster are refused."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from Support.raw import RawClient
from Support.refusals import TOO_LONG, Refusal, World, call, invalid, not_found

DAY = Duration(seconds=86_400)
VISIBILITY = ("ListWorkflowExecutions", "CountWorkflowExecutions")
# They take no argument that could be wrong.
NEVER_REFUSED = ("GetSystemInfo", "GetClusterInfo")


def queries(rpc: str) -> list[Refusal]:
    return [
        invalid(rpc, name, {"query": query}, "^invalid query: .") for name, query in (
            ("no SQL", "what is this"),
            ("unknown attribute", "NoSuchField = 1"),
            ("open quote", "WorkflowId = 'x"),
            ("open parenthesis", "(WorkflowId = 'x'"),
            ("unquoted word", "WorkflowId = x"),
            ("another type", "CustomIntField = 'five'"),
            ("unknown status", "ExecutionStatus = 'Sleeping'"),
            ("order by", "WorkflowId = 'x' ORDER BY StartTime"),
            ("like", "WorkflowId LIKE 'x%'"),
            ("range of a text", "CustomTextField > 'x'"),
            ("bad time", "StartTime > 'yesterday'"),
        )
    ]


def updated(**fields):
    """An update of a namespace of the case's own."""
    return lambda w: {"namespace": fresh(w), **fields}


def fresh(w: World) -> str:
    name = f"{w.base}-ns"[:80]
    w.raw.call("RegisterNamespace", namespace=name, workflow_execution_retention_period=DAY)
    return name


NO_RETENTION = r"^A valid retention period is not set on request\.$"

TABLE: list[Refusal] = [
    *[row for rpc in VISIBILITY for row in queries(rpc)],
    invalid("ListWorkflowExecutions", "bad page token", {"next_page_token": b"junk"},
            r"(?i)token"),
    invalid("ListWorkflowExecutions", "group by", {"query": "GROUP BY ExecutionStatus"},
            "^invalid query: .*GROUP BY"),
    invalid("CountWorkflowExecutions", "group by something else",
            {"query": "GROUP BY WorkflowId"}, "^invalid query: .*GROUP BY"),

    invalid("RegisterNamespace", "no name", {
        "namespace": "", "workflow_execution_retention_period": DAY},
        r"^Namespace not set on request\.$"),
    invalid("RegisterNamespace", "long name", {
        "namespace": TOO_LONG, "workflow_execution_retention_period": DAY},
        r"^Namespace length exceeds limit\.$"),
    invalid("RegisterNamespace", "no retention", {"namespace": "fresh"}, NO_RETENTION),
    invalid("RegisterNamespace", "negative retention", {
        "namespace": "fresh", "workflow_execution_retention_period": Duration(seconds=-1)},
        NO_RETENTION),
    invalid("RegisterNamespace", "global", {
        "namespace": "fresh", "workflow_execution_retention_period": DAY,
        "is_global_namespace": True}, "^Cannot register global namespace when not enabled$"),
    invalid("RegisterNamespace", "unknown cluster", {
        "namespace": "fresh", "workflow_execution_retention_period": DAY,
        "active_cluster_name": "elsewhere"}, "^Invalid cluster name: elsewhere$"),
    Refusal("RegisterNamespace", "exists", {
        "namespace": "default", "workflow_execution_retention_period": DAY},
        "ALREADY_EXISTS", '^Namespace "default" already exists$',
        detail="NamespaceAlreadyExistsFailure"),

    invalid("DescribeNamespace", "neither name nor id", {"namespace": ""},
            r"^Namespace not set on request\.$"),
    invalid("DescribeNamespace", "name and id", {"namespace": "default", "id": "x"},
            r"^GetNamespace operation failed\.  Both ID and Name specified in request\.$"),
    not_found("DescribeNamespace", "unknown", {"namespace": "no-such-namespace"}, "not found",
              detail="NamespaceNotFoundFailure",
              detail_fields={"namespace": "^no-such-namespace$"}),
    not_found("DescribeNamespace", "unknown id", {
        "namespace": "", "id": "00000000-0000-4000-8000-000000000000"}, "not found",
        detail="NamespaceNotFoundFailure"),

    invalid("ListNamespaces", "bad page token", {"next_page_token": b"\xff\xfe"}, "(?i)token"),

    invalid("UpdateNamespace", "unknown bad binary", updated(delete_bad_binary="none"),
            "Bad binary checksum none"),
    invalid("UpdateNamespace", "short retention", updated(
        config={"workflow_execution_retention_ttl": Duration(seconds=-5)}), NO_RETENTION),
    invalid("UpdateNamespace", "back to registered", lambda w: {
        "namespace": w.namespace("deprecated"),
        "update_info": {"state": "NAMESPACE_STATE_REGISTERED"}}, r"^Invalid namespace state update\.$"),
    invalid("UpdateNamespace", "promote", updated(promote_namespace=True), "(?i)global"),
    invalid("UpdateNamespace", "unknown cluster", updated(
        replication_config={"active_cluster_name": "elsewhere"}), "elsewhere"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


@pytest.mark.parametrize("rpc", NEVER_REFUSED)
def test_never_refused(raw: RawClient, rpc: str) -> None:
    assert call(raw, rpc, timeout=5).server_version
