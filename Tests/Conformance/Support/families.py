"""Workflows that have children, and children that end as they are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy


@workflow.defn
class Child:
    """Ends as `how` says: with a result, a failure, in its next run, or not by itself."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @workflow.run
    async def run(self, how: str) -> Any:
        if how == "result":
            return f"result of {workflow.info().workflow_id}"
        if how == "failure":
            raise ApplicationError("child failed", type="Oops", non_retryable=True)
        if how == "second attempt":
            if workflow.info().attempt == 1:
                raise ApplicationError("first attempt failed")
            return f"attempt {workflow.info().attempt}"
        if how == "continues":
            workflow.continue_as_new("result")
        if how == "continues and waits":
            workflow.continue_as_new("wait")
        if how == "family":
            info = workflow.info()
            return [
                info.parent and [info.parent.workflow_id, info.parent.run_id],
                info.root and [info.root.workflow_id, info.root.run_id]]
        if how == "grandchild":
            return await workflow.execute_child_workflow(
                Child.run, "family", id=f"{workflow.info().workflow_id}-child")
        if how == "signal":
            await workflow.wait_condition(lambda: bool(self.heard))
            return self.heard
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def hear(self, value: Any) -> None:
        self.heard.append(value)


@workflow.defn
class Parent:
    """Starts children, then goes on as signals say."""

    def __init__(self) -> None:
        self.told: str | None = None

    @workflow.signal
    def tell(self, what: str) -> None:
        self.told = what

    @workflow.run
    async def run(self, children: list[list[Any]]) -> list[Any]:
        """Each child is an id, how it ends, and options."""
        handles = [await self.start(*child) for child in children]
        return [await handle for handle in handles]

    async def start(
        self, child_id: str, how: str, options: dict[str, Any] | None = None
    ) -> ChildWorkflowHandle[Any, Any]:
        chosen = dict(options or {})
        for name in ("run_timeout", "execution_timeout"):
            if name in chosen:
                chosen[name] = timedelta(seconds=chosen[name])
        if "attempts" in chosen:
            chosen["retry_policy"] = RetryPolicy(
                maximum_attempts=chosen.pop("attempts"),
                initial_interval=timedelta(milliseconds=10))
        if "policy" in chosen:
            chosen["parent_close_policy"] = ParentClosePolicy(chosen.pop("policy"))
        return await workflow.start_child_workflow(Child.run, how, id=child_id, **chosen)


@workflow.defn
class EndsItself:
    """Starts a child that waits, then ends as it is told."""

    def __init__(self) -> None:
        self.told: str | None = None

    @workflow.signal
    def tell(self, what: str) -> None:
        self.told = what

    @workflow.run
    async def run(self, child_id: str, policy: int, child: str = "wait") -> str:
        if workflow.info().continued_run_id:
            return "the next run"
        await workflow.start_child_workflow(
            Child.run, child, id=child_id, parent_close_policy=ParentClosePolicy(policy))
        await workflow.wait_condition(lambda: self.told is not None)
        if self.told == "fails":
            raise ApplicationError("parent failed", non_retryable=True)
        if self.told == "continues as new":
            workflow.continue_as_new(args=[child_id, policy])
        return "done"


@workflow.defn
class CancelsChild:
    """Cancels its child, and says how that ended."""

    @workflow.run
    async def run(self, child_id: str, how: str) -> str:
        handle = await workflow.start_child_workflow(Child.run, "wait", id=child_id)
        if how == "signal first":
            await handle.signal(Child.hear, "before")
        handle.cancel()
        try:
            await handle
        except BaseException as error:
            return type(error.__cause__ or error).__name__
        return "not cancelled"


@workflow.defn
class SignalsChild:
    @workflow.run
    async def run(self, child_id: str) -> Any:
        handle = await workflow.start_child_workflow(Child.run, "signal", id=child_id)
        await handle.signal(Child.hear, "hello")
        return await handle


@workflow.defn
class Reaches:
    """Signals or cancels another workflow, and says what came of it."""

    @workflow.run
    async def run(self, what: str, workflow_id: str, run_id: str | None = None) -> str:
        handle = workflow.get_external_workflow_handle(workflow_id, run_id=run_id)
        try:
            if what == "signal":
                await handle.signal("hear", "from afar")
            else:
                await handle.cancel()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "reached"


ALL = [Child, Parent, EndsItself, CancelsChild, SignalsChild, Reaches]
