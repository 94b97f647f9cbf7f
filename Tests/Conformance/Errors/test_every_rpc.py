"""What holds for every built RPC: it is in a table of refusals, and knows its namespace's state."""

from __future__ import annotations

import pytest
from temporalio.api.workflowservice import v1 as ws

from Errors import (
    test_activity_errors, test_activity_operation_errors, test_cluster_errors,
    test_execution_errors, test_options_errors, test_other_run_errors, test_pause_errors,
    test_rare_errors, test_reset_errors, test_standalone_activity_errors, test_start_errors,
    test_task_errors, test_update_errors)
from Support.raw import RawClient
from Support.refusals import TOO_LONG, Refusal, World, built_rpcs, invalid, not_found

TABLES = (
    test_activity_errors, test_activity_operation_errors, test_cluster_errors,
    test_execution_errors, test_options_errors, test_other_run_errors, test_pause_errors,
    test_rare_errors, test_reset_errors, test_standalone_activity_errors, test_start_errors,
    test_task_errors, test_update_errors)
# They find their namespace themselves, and say so in the tables.
BY_NAME = {"RegisterNamespace", "DescribeNamespace"}


def test_every_built_rpc_is_in_a_table() -> None:
    """Whoever builds an RPC says how it is refused."""
    rows = [row for table in TABLES for row in table.TABLE]
    known = {row.rpc for row in rows} | set(test_cluster_errors.NEVER_REFUSED)
    missing = [rpc for rpc in built_rpcs() if rpc not in known]
    assert not missing, f"no refusals are written down for {missing}"
    assert known <= set(built_rpcs()), f"not built: {sorted(known - set(built_rpcs()))}"
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids)), "two rows have the same name"


def namespaced() -> list[str]:
    """The built RPCs that work within a namespace and do not take it from a task token."""
    found = []
    for rpc in built_rpcs():
        request = getattr(ws, f"{rpc}Request", None)
        fields = request.DESCRIPTOR.fields_by_name if request else {}
        if "namespace" in fields and "task_token" not in fields and rpc not in BY_NAME:
            found.append(rpc)
    return found


@pytest.mark.parametrize("rpc", namespaced())
def test_namespace_is_known(raw: RawClient, names, rpc: str) -> None:
    for row in (
        invalid(rpc, "none", {"namespace": ""}, r"^Namespace is empty\.$"),
        invalid(rpc, "long", {"namespace": TOO_LONG}, r"^Namespace length exceeds limit\.$"),
        not_found(rpc, "unknown", {"namespace": "no-such-namespace"},
                  "^Namespace no-such-namespace is not found", detail="NamespaceNotFoundFailure",
                  detail_fields={"namespace": "^no-such-namespace$"}),
    ):
        row.check(raw, names())


@pytest.mark.parametrize("rpc", namespaced())
def test_namespace_is_deleted(raw: RawClient, names, deleted: str, rpc: str) -> None:
    Refusal(
        rpc, "deleted", {"namespace": deleted}, "FAILED_PRECONDITION",
        "^Namespace has invalid state: Deleted", detail="NamespaceInvalidStateFailure",
        detail_fields={"namespace": deleted}).check(raw, names())


@pytest.fixture(scope="module")
def deleted(shared_server) -> str:
    raw = RawClient(shared_server.ensure().address)
    name = World(raw, "").namespace("deleted")
    raw.close()
    return name
