"""The clients: each starts a workflow, asks things of it, tells it to finish, and begins again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    HistoryEventFilterType, UpdateWorkflowExecutionLifecycleStage as Stage,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice import v1 as ws

from Support.raw import seconds

from .calls import NAMESPACE, Caller, Code, OutcomeUnknown, Refused
from .journal import Journal, Kind, Operation, Outcome
from .program import TASK_TIMEOUT, Plan, plan_input, signal_input, update_input, value

TASK_QUEUE = "faults"
WORKFLOW_TYPE = "Faults"
IDENTITY = "client"


def workflow_id(plan: Plan) -> str:
    """The id of a plan's workflow."""
    return f"w{plan.number}"


def start_request(plan: Plan) -> ws.StartWorkflowExecutionRequest:
    """Starts a plan's workflow."""
    return ws.StartWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_id=workflow_id(plan),
        workflow_type=WorkflowType(name=WORKFLOW_TYPE), task_queue=TaskQueue(name=TASK_QUEUE),
        input=plan_input(plan), identity=IDENTITY, request_id=f"start-{plan.number}",
        workflow_task_timeout=seconds(TASK_TIMEOUT))


def signal_with_start_request(
    plan: Plan, number: int
) -> ws.SignalWithStartWorkflowExecutionRequest:
    """Starts a plan's workflow with its first signal."""
    start = start_request(plan)
    return ws.SignalWithStartWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_id=start.workflow_id, workflow_type=start.workflow_type,
        task_queue=start.task_queue, input=start.input, identity=IDENTITY,
        request_id=start.request_id, workflow_task_timeout=start.workflow_task_timeout,
        signal_name="s", signal_input=signal_input(number))


def signal_request(
    target: str, number: int, *, finish: bool = False
) -> ws.SignalWorkflowExecutionRequest:
    """A signal that carries a number."""
    return ws.SignalWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=target),
        signal_name="finish" if finish else "s", input=signal_input(number, finish=finish),
        identity=IDENTITY, request_id=f"signal-{number}")


def update_request(
    target: str, update_id: str, number: int, *, is_slow: bool
) -> ws.UpdateWorkflowExecutionRequest:
    """An update that carries a number; the answer comes when it is completed."""
    return ws.UpdateWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=target),
        wait_policy=WaitPolicy(
            lifecycle_stage=Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED),
        request=Request(
            meta=Meta(update_id=update_id, identity=IDENTITY),
            input=Input(name="change", args=update_input(number, is_slow=is_slow))))


class Clients:
    """So many clients that work at a time."""

    def __init__(self, callers: list[Caller], journal: Journal, seed: str):
        self._callers = callers
        self._journal = journal
        self._seed = seed
        self._tasks: list[asyncio.Task[None]] = []
        self._is_ending = False

    def start(self, count: int) -> None:
        for index in range(count):
            client = Client(
                self._callers[index % len(self._callers)], self._journal,
                random.Random(f"{self._seed}/client/{index}"))
            self._tasks.append(asyncio.create_task(self._loop(client)))

    async def _loop(self, client: Client) -> None:
        while not self._is_ending:
            await client.work()

    async def finish(self, bound: float) -> list[Operation]:
        """No new workflows; those begun go on to their end.

        Returns what was not settled within the bound.
        """
        self._is_ending = True
        _, late = await asyncio.wait(self._tasks, timeout=bound)
        stuck = self._journal.pending() if late else []
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled():
                task.result()
        return stuck


@dataclass
class Client:
    """One client, which works on one workflow at a time."""

    caller: Caller
    journal: Journal
    rng: random.Random

    async def work(self) -> None:
        """A workflow from its start to its end, or until its client leaves it."""
        plan = Plan.draw(self.rng, self.journal.number())
        if not await self._start(plan):
            await asyncio.sleep(0.1)
            return
        asked = [self._signal] * plan.signals + [self._update] * plan.updates
        self.rng.shuffle(asked)
        while asked:
            count = self.rng.randint(1, 3)
            together, asked = asked[:count], asked[count:]
            await asyncio.gather(*(ask(plan) for ask in together))
        if not plan.is_left_open:
            await self.finish(workflow_id(plan), is_patient=plan.is_patient)
            await self._result(plan)

    async def _start(self, plan: Plan) -> bool:
        """Whether the workflow is known to be there."""
        start = self.journal.begin(Kind.START, workflow_id(plan), str(plan.number))
        if not plan.begins_with_signal:
            reply = await self._ask([start], start_request(plan), plan.is_patient)
        else:
            number = self.journal.number()
            signal = self.journal.begin(Kind.SIGNAL, workflow_id(plan), str(number))
            reply = await self._ask(
                [start, signal], signal_with_start_request(plan, number), plan.is_patient)
        if reply is None:
            return False
        start.acknowledge(reply.run_id)
        return True

    async def _signal(self, plan: Plan) -> None:
        number = self.journal.number()
        operation = self.journal.begin(Kind.SIGNAL, workflow_id(plan), str(number))
        request = signal_request(workflow_id(plan), number)
        await self._ask([operation], request, plan.is_patient)

    async def _update(self, plan: Plan) -> None:
        number, is_slow = self.journal.number(), self.rng.random() < 0.3
        update_id = f"u{number}"
        operation = self.journal.begin(Kind.UPDATE, workflow_id(plan), update_id)
        request = update_request(workflow_id(plan), update_id, number, is_slow=is_slow)
        while True:
            reply = await self._ask([operation], request, plan.is_patient)
            if reply is None:
                return
            if reply.outcome.HasField("success"):
                operation.acknowledge(value(reply.outcome.success))
                return
            if reply.outcome.HasField("failure"):
                operation.acknowledge(f"failure: {reply.outcome.failure.message}")
                return
            # Not completed yet; the server lets go of those who wait long.
            operation.outcome = Outcome.PENDING

    async def finish(self, target: str, *, is_patient: bool = True) -> None:
        """Tells a workflow to finish. It may be closed by then, by an earlier attempt."""
        number = self.journal.number()
        operation = self.journal.begin(Kind.SIGNAL, target, str(number))
        await self._ask(
            [operation], signal_request(target, number, finish=True), is_patient,
            expected=Code.NOT_FOUND)

    async def _result(self, plan: Plan) -> None:
        """Waits for the result, as clients do that want it."""
        operation = self.journal.begin(Kind.RESULT, workflow_id(plan), "result")
        request = ws.GetWorkflowExecutionHistoryRequest(
            namespace=NAMESPACE, execution=WorkflowExecution(workflow_id=workflow_id(plan)),
            wait_new_event=True,
            history_event_filter_type=(
                HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT))
        while True:
            reply = await self._ask([operation], request, plan.is_patient)
            if reply is None:
                return
            if reply.history.events:
                closed = reply.history.events[-1]
                operation.acknowledge(
                    value(closed.workflow_execution_completed_event_attributes.result))
                return
            operation.outcome = Outcome.PENDING
            request.next_page_token = reply.next_page_token

    async def _ask(
        self, operations: list[Operation], request: Any, is_patient: bool,
        expected: Code | None = None,
    ) -> Any:
        """Sends a request and writes down what became of it. The answer, or None without one."""
        try:
            reply = await self.caller.call(request, is_patient=is_patient)
        except (OutcomeUnknown, asyncio.CancelledError) as error:
            for operation in operations:
                operation.give_up()
            if isinstance(error, asyncio.CancelledError):
                raise
            return None
        except Refused as refusal:
            for operation in operations:
                operation.refuse(is_certain=refusal.is_certain)
            if refusal.code is not expected:
                self.caller.unexpected(request, refusal)
            return None
        for operation in operations:
            operation.acknowledge()
        return reply
