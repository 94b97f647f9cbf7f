"""A workflow that does what a list of steps says, and the activity that its steps use.

    [["hear", 1], ["act", "result"], ["sleep", 1]]

Each step is a method's name and its arguments; the workflow's result is what they gave.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import (
    Priority, RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes)
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType, ParentClosePolicy

KEYWORD = SearchAttributeKey.for_keyword("CustomKeywordField")


@dataclass
class Desk:
    """What a case and the activities of its workflow tell each other."""

    attempts: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


desks: defaultdict[str, Desk] = defaultdict(Desk)


@activity.defn
async def act(how: str, number: int = 0) -> Any:
    """Returns, fails or waits as `how` says."""
    info = activity.info()
    desk = desks[info.workflow_id or ""]
    desk.attempts.append(info.attempt)
    desk.begun.set()
    if how == "fails" or how == "fails until" and info.attempt < number:
        raise ApplicationError(f"attempt {info.attempt}", type="Oops")
    if how == "fails for good":
        raise ApplicationError("for good", type="Oops", non_retryable=True)
    if how == "fails until opened" and not desk.may_end.is_set():
        raise ApplicationError(f"attempt {info.attempt}", type="Oops")
    if how == "goes on":
        seen = list(info.heartbeat_details)
        if info.attempt < number:
            activity.heartbeat(*seen, info.attempt)
            raise ApplicationError("carry on", type="Oops")
        return seen
    if how in ("waits", "waits and swallows"):
        try:
            while not desk.may_end.is_set():
                activity.heartbeat("beat")
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            desk.told.append(_reason())
            if how == "waits":
                raise
    return f"attempt {info.attempt}"


def _reason() -> str:
    """Why the server has the running activity stopped."""
    details = activity.cancellation_details()
    assert details is not None
    names = ("not_found", "cancel_requested", "paused", "timed_out", "reset")
    return " ".join(name for name in names if getattr(details, name))


@workflow.defn
class Script:
    """Does its steps one after the other. A step that is cancelled gives `cancelled`."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @workflow.run
    async def run(self, steps: list[list[Any]]) -> list[Any]:
        return [await getattr(self, verb)(*arguments) for verb, *arguments in steps]

    @workflow.signal
    def tell(self, value: Any) -> None:
        self.heard.append(value)

    @workflow.update
    def put(self, value: Any) -> int:
        self.heard.append(value)
        return len(self.heard)

    @workflow.update
    async def put_later(self, value: Any) -> int:
        await workflow.wait_condition(lambda: "go" in self.heard)
        return self.put(value)

    @put.validator
    def validate_put(self, value: Any) -> None:
        if value == "refused":
            raise ApplicationError("not that", type="Refused")

    @workflow.query
    def so_far(self) -> list[Any]:
        return self.heard

    # Steps.

    async def hear(self, count: int) -> list[Any]:
        await workflow.wait_condition(lambda: len(self.heard) >= count)
        return list(self.heard)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def act(self, how: str, options: dict[str, Any] | None = None) -> Any:
        chosen = _options(options)
        number = chosen.pop("number", 0)
        return await workflow.execute_activity(act, args=[how, number], **chosen)

    async def local(self, how: str, options: dict[str, Any] | None = None) -> Any:
        chosen = _options(options)
        number = chosen.pop("number", 0)
        return await workflow.execute_local_activity(act, args=[how, number], **chosen)

    async def cancels(self, kind: int, how: str, options: dict[str, Any] | None = None) -> str:
        """Starts an activity, and cancels it when a signal says so."""
        handle = workflow.start_activity(
            act, args=[how, 0], cancellation_type=ActivityCancellationType(kind),
            **_options(options))
        await self.hear(1)
        handle.cancel()
        try:
            return await handle
        except BaseException as error:
            if is_cancelled_exception(error):
                return "cancelled"
            raise

    async def child(
        self, child_id: str, steps: list[list[Any]], options: dict[str, Any] | None = None
    ) -> Any:
        return await workflow.execute_child_workflow(
            Script.run, steps, id=child_id, **_retry(dict(options or {})))

    async def spawn(self, child_id: str, steps: list[list[Any]], policy: int) -> None:
        await workflow.start_child_workflow(
            Script.run, steps, id=child_id, parent_close_policy=ParentClosePolicy(policy))

    async def again(self, steps: list[list[Any]], options: dict[str, Any] | None = None) -> None:
        chosen = dict(options or {})
        if "keyword" in chosen:
            chosen["search_attributes"] = TypedSearchAttributes(
                [SearchAttributePair(KEYWORD, chosen.pop("keyword"))])
        if "run_timeout" in chosen:
            chosen["run_timeout"] = timedelta(seconds=chosen["run_timeout"])
        workflow.continue_as_new(steps, **_retry(chosen))

    async def fail(self, until: int = 1_000, options: dict[str, Any] | None = None) -> int:
        """Fails the attempts before a number."""
        chosen = {"type": "Oops", **(options or {})}
        if "next_retry_delay" in chosen:
            chosen["next_retry_delay"] = timedelta(seconds=chosen["next_retry_delay"])
        attempt = workflow.info().attempt
        if attempt < until:
            raise ApplicationError(f"attempt {attempt}", **chosen)
        return attempt

    async def memo(self, changes: dict[str, Any]) -> None:
        workflow.upsert_memo(changes)

    async def keyword(self, value: str) -> None:
        workflow.upsert_search_attributes([KEYWORD.value_set(value)])

    async def info(self) -> dict[str, Any]:
        """What is carried from run to run."""
        info = workflow.info()
        return {
            "memo": dict(workflow.memo()),
            "keyword": info.typed_search_attributes.get(KEYWORD),
            "attempt": info.attempt, "continued": bool(info.continued_run_id),
            "priority": info.priority.priority_key}

    async def last(self) -> Any:
        """What the runs before gave."""
        result = workflow.get_last_completion_result()
        error = workflow.get_last_failure()
        return [result, str(error) if error else None]


def _retry(chosen: dict[str, Any]) -> dict[str, Any]:
    """Options of which `attempts` and `interval` make a retry policy."""
    if "attempts" in chosen or "interval" in chosen:
        chosen["retry_policy"] = RetryPolicy(
            maximum_attempts=chosen.pop("attempts", 0), backoff_coefficient=1.0,
            initial_interval=timedelta(seconds=chosen.pop("interval", 0.02)))
    return chosen


def _options(options: dict[str, Any] | None) -> dict[str, Any]:
    """Options of an activity, of which times are given in seconds."""
    chosen = _retry(dict(options or {}))
    chosen.setdefault("start_to_close_timeout", 30)
    for name in list(chosen):
        if name.endswith("timeout") or name == "local_retry_threshold":
            chosen[name] = timedelta(seconds=chosen[name])
    if "priority" in chosen:
        chosen["priority"] = Priority(priority_key=chosen["priority"])
    return chosen
