"""What the id of an activity may be used for: reuse, conflicts, repeated requests."""

from __future__ import annotations

import pytest
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import ActivityIdConflictPolicy, ActivityIdReusePolicy
from temporalio.client import Client
from temporalio.exceptions import ActivityAlreadyStartedError

from datetime import timedelta

from Support.errors import expect_error
from Support.raw import RawClient, failure

REJECT = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE
FAILED_ONLY = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
USE_EXISTING = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING


def expect_taken(run_id: str, request_id: str):
    return expect_error(
        "ALREADY_EXISTS", detail="ActivityExecutionAlreadyStartedFailure",
        match="^activity execution already started$")


def close(raw: RawClient, names, fails: bool = False) -> None:
    task = raw.next_activity_task(names.task_queue)
    if fails:
        raw.fail_activity(task, failure("no", non_retryable=True))
    else:
        raw.complete_activity(task)


def test_running_activity_is_in_the_way(raw: RawClient, names) -> None:
    run_id = raw.start_activity(names(), names.task_queue, request_id="first").run_id
    with expect_taken(run_id, "first") as caught:
        raw.start_activity(names(), names.task_queue)
    assert caught.detail.run_id == run_id and caught.detail.start_request_id == "first"


async def test_sdk_is_told(client: Client, names) -> None:
    options = {
        "id": names(), "task_queue": names.task_queue,
        "start_to_close_timeout": timedelta(seconds=5)}
    first = await client.start_activity("Work", **options)
    with pytest.raises(ActivityAlreadyStartedError) as caught:
        await client.start_activity("Work", **options)
    assert caught.value.run_id == first.run_id
    await first.terminate()


def test_same_request_is_the_same_start(raw: RawClient, names) -> None:
    first = raw.start_activity(names(), names.task_queue, request_id="r")
    again = raw.start_activity(names(), names.task_queue, request_id="r")
    assert again.run_id == first.run_id and first.started and not again.started
    close(raw, names)
    late = raw.start_activity(names(), names.task_queue, request_id="r", id_reuse_policy=REJECT)
    assert late.run_id == first.run_id and not late.started


def test_existing_one_is_used(raw: RawClient, names) -> None:
    first = raw.start_activity(names(), names.task_queue)
    found = raw.start_activity(names(), names.task_queue, id_conflict_policy=USE_EXISTING)
    assert found.run_id == first.run_id and not found.started
    assert found.link.activity.run_id == first.run_id
    close(raw, names)
    new = raw.start_activity(names(), names.task_queue, id_conflict_policy=USE_EXISTING)
    assert new.started and new.run_id != first.run_id


def test_links_of_requests_that_found_it(raw: RawClient, names) -> None:
    def link(job: str) -> Link:
        return Link(batch_job=Link.BatchJob(job_id=job))

    raw.start_activity(names(), names.task_queue, links=[link("1")])
    for request_id, options in (
        ("a", {"attach_links": True}), ("a", {"attach_links": True}), ("b", {}),
        ("c", {"attach_links": True, "attach_request_id": True}),
    ):
        raw.start_activity(
            names(), names.task_queue, request_id=request_id, links=[link(request_id)],
            id_conflict_policy=USE_EXISTING, on_conflict_options=options)
    links = raw.describe_activity(names()).info.links
    assert [found.batch_job.job_id for found in links] == ["1", "a", "c"]


@pytest.mark.parametrize("fails", [False, True])
def test_reuse_after_it_closed(raw: RawClient, names, fails: bool) -> None:
    first = raw.start_activity(names(), names.task_queue, request_id="first")
    close(raw, names, fails)
    with expect_taken(first.run_id, "first") as caught:
        raw.start_activity(names(), names.task_queue, id_reuse_policy=REJECT)
    assert caught.detail.run_id == first.run_id
    if not fails:
        with expect_taken(first.run_id, "first"):
            raw.start_activity(names(), names.task_queue, id_reuse_policy=FAILED_ONLY)
    policy = FAILED_ONLY if fails else 0
    second = raw.start_activity(names(), names.task_queue, id_reuse_policy=policy)
    assert second.started and second.run_id != first.run_id
    assert raw.describe_activity(names()).run_id == second.run_id
    assert raw.describe_activity(names(), first.run_id).info.HasField("close_time")


def test_workflow_ids_are_others(raw: RawClient, names) -> None:
    workflow = raw.start(names(), names.task_queue)
    activity = raw.start_activity(names(), names.task_queue)
    assert workflow.run_id != activity.run_id
    assert raw.describe(names()).workflow_execution_info.execution.run_id == workflow.run_id
    assert raw.describe_activity(names()).run_id == activity.run_id
    with expect_error("NOT_FOUND", detail="NotFoundFailure"):
        raw.describe(names(), activity.run_id)
    with expect_error("NOT_FOUND", match="^activity not found for ID"):
        raw.describe_activity(names(), workflow.run_id)
    raw.terminate(names())
    assert not raw.describe_activity(names()).info.HasField("close_time")
