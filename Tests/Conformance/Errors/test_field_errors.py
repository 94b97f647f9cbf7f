"""Refusals of single fields: unknown enum values, what is not built yet, and namespaces' names."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.duration_pb2 import Duration

from Errors.test_start_errors import BOTH, good
from Support.errors import expect_error, read_failure
from Support.histories import IDLE, TASK, types
from Support.raw import RawClient, complete, execution
from Support.refusals import Refusal, World, invalid, unimplemented
from Support.sdk import eventually_sync
from Support.updates import update_fields

UNKNOWN = 99
DAY = {"seconds": 86_400}
CONTEXT = {"propagated_nexus_serialization_context": {}}
ARCHIVED = "ARCHIVAL_STATE_ENABLED"


def fresh(w: World) -> str:
    """A namespace of the case's own."""
    name = f"{w.base}-ns"[:80]
    w.raw.call("RegisterNamespace", namespace=name, workflow_execution_retention_period=DAY)
    return name


def aliased(**aliases: str):
    """New names of fields, in a namespace with an attribute `Mine` in its first keyword field."""
    def fields(w: World) -> dict:
        name = fresh(w)
        w.raw.call("UpdateNamespace", namespace=name, config={
            "custom_search_attribute_aliases": {"Keyword01": "Mine"}})
        return {"namespace": name, "config": {"custom_search_attribute_aliases": aliases}}
    return fields


def changed(rpc: str, name: str, text: str, **fields) -> Refusal:
    """An operation on an activity, with a field that makes no sense."""
    return invalid(rpc, name, lambda w: {
        "execution": {"workflow_id": w.scheduled_activity}, "id": "a", **fields}, text)


TABLE: list[Refusal] = [
    *[invalid(rpc, "unknown reuse policy", good(rpc, workflow_id_reuse_policy=UNKNOWN),
              "^unknown WorkflowIdReusePolicy 99$") for rpc in BOTH],
    *[invalid(rpc, "unknown conflict policy", good(rpc, workflow_id_conflict_policy=UNKNOWN),
              "^unknown WorkflowIdConflictPolicy 99$") for rpc in BOTH],
    invalid("GetWorkflowExecutionHistory", "unknown filter", lambda w: {
        "execution": execution(w.running), "history_event_filter_type": UNKNOWN},
        "^unknown HistoryEventFilterType 99$"),
    invalid("DescribeTaskQueue", "unknown kind of tasks", {
        "task_queue": {"name": "q"}, "task_queue_type": UNKNOWN}, "^unknown TaskQueueType 99$"),
    *[invalid(rpc, "unknown kind of queue", {"task_queue": {"name": "q", "kind": UNKNOWN}},
              "^task queue kind is not supported for this poll$")
      for rpc in ("PollWorkflowTaskQueue", "PollActivityTaskQueue")],
    invalid("PollActivityTaskQueue", "sticky without a normal name", {
        "task_queue": {"name": "q", "kind": "TASK_QUEUE_KIND_STICKY"}},
        "^activity tasks have no sticky queues$"),
    *[changed(rpc, "negative jitter", r"^An invalid Jitter is set on request\.$",
              jitter=Duration(seconds=-1)) for rpc in ("UnpauseActivity", "ResetActivity")],

    *[unimplemented(rpc, "time skipping", good(
        rpc, time_skipping_config={"enabled": True}), "^time_skipping_config is not built yet")
      for rpc in BOTH],
    unimplemented(BOTH[0], "nexus context", good(BOTH[0], **CONTEXT),
                  "^propagated_nexus_serialization_context is not built yet"),
    unimplemented("UpdateWorkflowExecution", "nexus context", {
        **update_fields("w", "u"), "request": {
            "meta": {"update_id": "u"}, "input": {"name": "n"}, "request_id": "r", **CONTEXT}},
        "^propagated_nexus_serialization_context is not built yet"),
    unimplemented("StartActivityExecution", "nexus context", {
        "activity_id": "a", "activity_type": {"name": "Work"}, "task_queue": {"name": "q"},
        "start_to_close_timeout": {"seconds": 1}, "request_id": "r", **CONTEXT},
        "^propagated_nexus_serialization_context is not built yet"),
    *[unimplemented("RegisterNamespace", f"{what} archival", {
        "namespace": "fresh", "workflow_execution_retention_period": DAY,
        f"{what}_archival_state": ARCHIVED}, "^archival is not built yet")
      for what in ("history", "visibility")],
    *[unimplemented("UpdateNamespace", f"{what} archival", lambda w, what=what: {
        "namespace": fresh(w), "config": {f"{what}_archival_state": ARCHIVED}},
        "^archival is not built yet") for what in ("history", "visibility")],
    unimplemented("UpdateNamespace", "handover", lambda w: {
        "namespace": fresh(w), "replication_config": {"state": "REPLICATION_STATE_HANDOVER"}},
        "^namespace handover is not built yet"),

    invalid("UpdateNamespace", "no field", aliased(Nothing01="Name"),
            r"^Nothing01 is not a custom search attribute field\.$"),
    invalid("UpdateNamespace", "reserved alias", aliased(Keyword02="RunId"),
            r"^Search attribute RunId is reserved by system\.$"),
    invalid("UpdateNamespace", "field in use", aliased(Keyword01="Yours"),
            r"^Custom search attribute field name already allocated\.$"),
    invalid("UpdateNamespace", "alias in use", aliased(Keyword02="Mine"),
            r"^Search attribute Mine already exists\.$"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())


def test_answer_to_a_query_of_no_kind(raw: RawClient, names) -> None:
    """The worker's mistake is told to the one who asked, as a fault nobody foresaw."""
    raw.start(names(), names.task_queue)
    raw.respond(raw.next_workflow_task(names.task_queue))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(raw.query, names(), "q")
        task = raw.next_workflow_task(names.task_queue)
        raw.call("RespondQueryTaskCompleted", task_token=task.task_token, completed_type=UNKNOWN)
        # What went wrong is for who runs the server; the log has it under the number.
        with expect_error(
            "INTERNAL", match=r"^something went wrong, please retry \([0-9a-f]+\)$"):
            asked.result()


def test_start_delay_of_an_activity_is_off(own_server) -> None:
    server = own_server(
        extra=["--dynamic-config-value", "activity.startDelayEnabled=false"]).start()
    raw = RawClient(server.address)
    with expect_error(
        "INVALID_ARGUMENT", match="^start_delay is not enabled for this namespace$"):
        raw.start_activity("a", "q", delay=1)
    raw.start_activity("a", "q")
    raw.close()
    server.stop()


def test_query_nobody_polls_for(own_server) -> None:
    """A second before the caller gives up, it is told why it waits in vain."""
    server = own_server(extra=[
        "--dynamic-config-value", 'matching.queryPollerUnavailableWindow="1s"']).start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"))
    Refusal(
        "QueryWorkflow", "no poller", {
            "execution": execution("w"), "query": {"query_type": "q"}}, "FAILED_PRECONDITION",
        "^no poller seen for task queue recently, worker may be down$", timeout=4).check(raw, "w")
    raw.close()
    server.stop()


def test_a_thousand_queries_wait(own_server) -> None:
    """As many may wait on a task queue, and not one more."""
    server = own_server().start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    raw.respond(raw.next_workflow_task("q"))
    fields = {"execution": execution("w"), "query": {"query_type": "q"}}
    # What still waits when the case ends goes with its server.
    waiting = [raw.begin("QueryWorkflow", timeout=60, **fields) for _ in range(1001)]
    refused = eventually_sync(lambda: [call for call in waiting if call.done()])
    assert len(refused) == 1
    failure = read_failure(refused[0].exception())
    assert (failure.code, failure.message) == (
        "RESOURCE_EXHAUSTED", "too many outstanding queries on this task queue")
    assert failure.detail.cause == 2 and failure.detail.scope == 1, "CONCURRENT_LIMIT, NAMESPACE"
    server.kill()


def test_worker_keeps_its_task_too_long(own_server) -> None:
    """A task that is asked for again and again, with no command, is taken away in the end."""
    server = own_server(extra=[
        "--dynamic-config-value", 'history.workflowTaskHeartbeatTimeout="1s"']).start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    task = raw.next_workflow_task("q")
    for _ in range(2):
        task = raw.respond(
            task, force_create_new_workflow_task=True, return_new_workflow_task=True).workflow_task
        time.sleep(0.6)
    with expect_error(
        "NOT_FOUND", detail="NotFoundFailure", match="^workflow task heartbeat timeout$"):
        raw.respond(task, force_create_new_workflow_task=True, return_new_workflow_task=True)
    assert types(raw.stored_history("w")) == [
        *IDLE, *TASK, *TASK[:2], "WorkflowTaskTimedOut"]
    raw.respond(raw.next_workflow_task("q"), complete())
    assert types(raw.history("w"))[-1] == "WorkflowExecutionCompleted"
    raw.close()
    server.stop()


def test_workflow_id_is_too_young(own_server) -> None:
    """Where the server is told to, it lets a workflow id be used again only after a while."""
    server = own_server(extra=[
        "--dynamic-config-value", "history.enableWorkflowIdReuseStartTimeValidation=true",
        "--dynamic-config-value", 'history.workflowIdReuseMinimalInterval="60s"']).start()
    raw = RawClient(server.address)
    raw.start("w", "q")
    policy = {"workflow_id_conflict_policy": "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"}
    text = r"^Too many {} for workflow w\. Time since last start: \d+ ms$"
    exhausted = {
        "code": "RESOURCE_EXHAUSTED", "detail": "ResourceExhaustedFailure",
        "detail_fields": {"cause": 5, "scope": 1}}
    Refusal(BOTH[0], "restart", good(BOTH[0], workflow_id="w", **policy),
            message=text.format("restarts"), **exhausted).check(raw, "w")
    raw.terminate("w")
    Refusal(BOTH[0], "start", good(BOTH[0], workflow_id="w"),
            message=text.format("starts"), **exhausted).check(raw, "w")
    raw.close()
    server.stop()
