"""What a run shows of the builds of the workers that worked on it; versioning itself is off."""

from __future__ import annotations

import json

from temporalio.api.common.v1 import Payload, WorkerVersionCapabilities, WorkerVersionStamp
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.client import Client
from temporalio.worker import Worker

from Support.histories import IDLE, find, types
from Support.raw import RawClient, complete, marker, schedule_activity
from Support.scripts import Script
from Support.sdk import eventually, make_worker, replayed


def _poll(raw: RawClient, names, build: str, kind: str = "Workflow"):
    """A task for a worker of this build; an empty name is a worker that tells none."""
    fields = {}
    if build:
        fields["worker_version_capabilities"] = WorkerVersionCapabilities(build_id=build)
    return raw.call(
        f"Poll{kind}TaskQueue", task_queue=TaskQueue(name=names.task_queue), timeout=10,
        identity="w", **fields)


def _respond(raw: RawClient, task, build: str, *commands, **fields) -> None:
    if build:
        fields["worker_version_stamp"] = WorkerVersionStamp(build_id=build)
    raw.respond(task, *commands, **fields)


def _keywords(attributes: dict[str, Payload], name: str) -> list[str]:
    assert attributes[name].metadata["type"] == b"KeywordList"
    return json.loads(attributes[name].data)


def _shown(raw: RawClient, names):
    info = raw.describe(names()).workflow_execution_info
    return info, info.search_attributes.indexed_fields


def test_builds_in_events_and_descriptions(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    task = _poll(raw, names, "one")
    _respond(raw, task, "one", marker("m"), deployment_options=WorkerDeploymentOptions(
        deployment_name="fleet"))
    raw.signal(names(), "s")
    history = raw.history(names())
    started = find(history, "WorkflowTaskStarted")
    assert started["workerVersion"] == {"buildId": "one"}
    completed = find(history, "WorkflowTaskCompleted")
    assert completed["workerVersion"] == {"buildId": "one"}
    assert completed["workerDeploymentName"] == "fleet"
    info, attributes = _shown(raw, names)
    assert info.most_recent_worker_version_stamp == WorkerVersionStamp(build_id="one")
    assert info.worker_deployment_name == "fleet"
    assert _keywords(attributes, "BuildIds") == ["unversioned", "unversioned:one"]

    _respond(raw, _poll(raw, names, "two"), "two", marker("m"))
    info, attributes = _shown(raw, names)
    assert info.most_recent_worker_version_stamp.build_id == "two"
    assert info.worker_deployment_name == ""
    assert _keywords(attributes, "BuildIds") == [
        "unversioned", "unversioned:one", "unversioned:two"]
    assert [point.build_id for point in info.auto_reset_points.points] == ["one", "two"]

    raw.signal(names(), "s")
    _respond(raw, _poll(raw, names, ""), "", complete())
    info, attributes = _shown(raw, names)
    assert not info.HasField("most_recent_worker_version_stamp")
    assert _keywords(attributes, "BuildIds") == [
        "unversioned", "unversioned:one", "unversioned:two"]


def test_workers_that_tell_no_build(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    _, attributes = _shown(raw, names)
    assert "BuildIds" not in attributes
    _respond(raw, _poll(raw, names, ""), "", marker("m"))
    _, attributes = _shown(raw, names)
    assert _keywords(attributes, "BuildIds") == ["unversioned"]
    started = find(raw.history(names()), "WorkflowTaskStarted")
    assert "workerVersion" not in started


def test_build_of_an_activity(raw: RawClient, names) -> None:
    """The started event is written when the activity ends, with what its worker says then."""
    raw.start(names(), names.task_queue)
    _respond(
        raw, _poll(raw, names, "one"), "one", schedule_activity("1", names.task_queue, start_to_close=9),
        schedule_activity("2", names.task_queue, start_to_close=9))
    for build in ("one", ""):
        task = _poll(raw, names, build, "Activity")
        fields = {"worker_version": WorkerVersionStamp(build_id=build)} if build else {}
        raw.call(
            "RespondActivityTaskCompleted", task_token=task.task_token, identity="w", **fields)
    told, silent = (
        event.activity_task_started_event_attributes for event in raw.history(names())
        if event.HasField("activity_task_started_event_attributes"))
    assert told.worker_version == WorkerVersionStamp(build_id="one")
    assert not silent.HasField("worker_version")


def test_the_oldest_builds_are_forgotten(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    long = [f"{number}-" + "b" * 700 for number in range(4)]
    for build in long:
        _respond(
            raw, _poll(raw, names, build), build, marker("m"),
            force_create_new_workflow_task=True)
    _, attributes = _shown(raw, names)
    assert _keywords(attributes, "BuildIds") == [
        "unversioned", *(f"unversioned:{build}" for build in long[2:])]


def test_binary_checksums(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    for checksum in ("a", "b", "a"):
        _respond(
            raw, _poll(raw, names, ""), "", marker("m"), binary_checksum=checksum,
            force_create_new_workflow_task=True)
    _, attributes = _shown(raw, names)
    assert _keywords(attributes, "BinaryChecksums") == ["a", "b"]


def test_a_reset_keeps_the_builds_before_it(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    _respond(raw, _poll(raw, names, "one"), "one", marker("m"))
    raw.signal(names(), "s")
    _respond(raw, _poll(raw, names, "two"), "two", marker("m"))
    raw.call(
        "ResetWorkflowExecution", workflow_execution={"workflow_id": names()}, reason="again",
        workflow_task_finish_event_id=8, request_id="r")
    _, attributes = _shown(raw, names)
    assert _keywords(attributes, "BuildIds") == ["unversioned", "unversioned:one"]


def test_timeouts_nobody_set_are_not_described(raw: RawClient, names) -> None:
    raw.start(names(), names.task_queue)
    config = raw.describe(names()).execution_config
    assert not config.HasField("workflow_execution_timeout")
    assert not config.HasField("workflow_run_timeout")
    assert config.default_workflow_task_timeout.ToSeconds() == 10


async def test_sdk_worker_with_a_build_id(client: Client, names) -> None:
    worker: Worker = make_worker(
        client, names.task_queue, workflows=[Script], build_id=names("build"))
    async with worker:
        handle = await client.start_workflow(
            Script.run, [], id=names(), task_queue=names.task_queue)
        await handle.result()
    history = await replayed(handle, Script)
    assert types(history) == [*IDLE, "WorkflowExecutionCompleted"]
    started = find(history, "WorkflowTaskStarted")
    assert started["workerVersion"] == {"buildId": names("build")}
    query = f"BuildIds = 'unversioned:{names('build')}'"
    found = [run.id async for run in client.list_workflows(query)]
    assert found == [names()]

    async def listed() -> list[str]:
        return [run.id async for run in client.list_workflows(
            f"BuildIds = 'unversioned' AND WorkflowId = '{names()}'")]
    assert await eventually(listed) == [names()]
