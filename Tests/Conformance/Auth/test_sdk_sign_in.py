"""The SDK with a token: workers and clients as people run them."""

from __future__ import annotations

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from Support.auth import Deployment
from Support.programs import Collects
from Support.sdk import make_worker

UNAUTHORIZED = "Request unauthorized."


async def connect(deployment: Deployment, token: str, namespace: str = "alpha") -> Client:
    return await Client.connect(
        deployment.server.address, namespace=namespace,
        rpc_metadata={"authorization": f"Bearer {token}"})


async def test_a_writer_works(deploy, names) -> None:
    deployment: Deployment = deploy()
    deployment.grant("writers", "writer", "alpha")
    client = await connect(deployment, deployment.token("anna@example.com", "writers"))
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        await handle.signal("stop_at", 0)
        assert await handle.result() == []
    assert deployment.google.count() == 1, "a worker's polls ask nobody"


async def test_a_reader_reads(deploy, names) -> None:
    deployment: Deployment = deploy()
    deployment.grant("writers", "writer", "alpha")
    deployment.grant("readers", "reader", "alpha")
    writer = await connect(deployment, deployment.token("anna@example.com", "writers"))
    reader = await connect(deployment, deployment.token("berta@example.com", "readers"))
    await writer.start_workflow(Collects.run, id=names(), task_queue=names.task_queue)
    handle = reader.get_workflow_handle(names())
    assert (await handle.describe()).id == names()
    for attempt in (
        handle.signal("stop_at", 0), handle.cancel(), handle.terminate(),
        reader.start_workflow(Collects.run, id=names("new"), task_queue=names.task_queue),
    ):
        with pytest.raises(RPCError) as caught:
            await attempt
        assert caught.value.status == RPCStatusCode.PERMISSION_DENIED
        assert caught.value.message == UNAUTHORIZED


async def test_connecting_needs_no_token_and_working_does(deploy, names) -> None:
    deployment: Deployment = deploy()
    client = await Client.connect(deployment.server.address, namespace="alpha")
    with pytest.raises(RPCError) as caught:
        await client.start_workflow(Collects.run, id=names(), task_queue=names.task_queue)
    assert caught.value.message == UNAUTHORIZED
    with pytest.raises(RuntimeError):
        await make_worker(client, names.task_queue, workflows=[Collects]).run()


async def test_a_worker_goes_on_with_the_next_token(deploy, names) -> None:
    """Google's tokens live for an hour: programs put the next one into the running client."""
    deployment: Deployment = deploy(claimsMaxAge="1s")
    deployment.grant("writers", "writer", "alpha")
    first = deployment.token("anna@example.com", "writers")
    client = await connect(deployment, first)
    async with make_worker(client, names.task_queue, workflows=[Collects]):
        handle = await client.start_workflow(
            Collects.run, id=names(), task_queue=names.task_queue)
        client.rpc_metadata = {
            "authorization": f"Bearer {deployment.token('anna@example.com')}"}
        deployment.google.revoke(first)
        await handle.signal("stop_at", 0)
        assert await handle.result() == []
        other = await client.start_workflow(
            Collects.run, id=names("other"), task_queue=names.task_queue)
        await other.signal("stop_at", 0)
        assert await other.result() == []
