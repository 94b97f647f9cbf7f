"""One run: load and faults, then the end of all faults, then the comparison."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice import v1 as ws

from .calls import NAMESPACE, Caller, Refused
from .checker import Category, Finding, check
from .faults import Faults
from .journal import Journal
from .load import TASK_QUEUE, Client, Clients
from .options import Options
from .readback import Stored, lists, read_all, run_ids
from .report import Report
from .stores import PostgreSQLStore, SQLiteStore, Store
from .worker import Worker

POLLERS = 8
PROGRESS_EVERY = 5.0


def make_store(options: Options, directory: Path, rng: random.Random) -> Store:
    """The store of a run."""
    can_be_full = "disk" in options.faults
    if options.store == "sqlite":
        return SQLiteStore(directory, can_be_full=can_be_full)
    return PostgreSQLStore(
        directory, can_be_full=can_be_full, can_be_cut="cut" in options.faults, rng=rng)


class Session:
    """A run on a prepared store."""

    def __init__(self, options: Options, store: Store, directory: Path, report: Report):
        self.options = options
        self.store = store
        self.report = report
        self.journal = Journal()
        self.server = store.server(directory)
        self.faults = Faults(
            store, self.server, self.journal, self._rng("faults"), report.fault, options.bound,
            options.plant)
        self.findings: list[Finding] = self.faults.findings
        self.stored: Stored | None = None

    def _rng(self, what: str) -> random.Random:
        return random.Random(f"{self.options.seed}/{what}")

    def _caller(self, what: str) -> Caller:
        return Caller(self.server.address, self.journal, self._rng(what))

    async def run(self) -> None:
        """The whole run; `findings` and `stored` have what came of it."""
        await asyncio.to_thread(self.server.start)
        helpers = [
            asyncio.create_task(self.faults.watch()), asyncio.create_task(self._progress())]
        try:
            await self._load()
            self._unexpected()
            await self._crash_all()
            await self._read()
        finally:
            for helper in helpers:
                helper.cancel()
            self.faults.is_server_meant_to_be_dead = True
            await asyncio.to_thread(self.server.kill)

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            self.report.progress(self.faults.done, self.journal)

    async def _load(self) -> None:
        """Clients and workers under faults, and after them until everything has ended."""
        callers = [self._caller(f"caller/{index}") for index in range(5)]
        worker = Worker(callers[0], self.journal, self._rng("worker"), TASK_QUEUE)
        clients = Clients(callers[1:], self.journal, str(self.options.seed))
        worker.start(POLLERS)
        clients.start(self.options.concurrency)
        try:
            await self.faults.inject(
                self._kinds(), seconds=self.options.seconds, count=self.options.kills)
            self.report.say("no more faults; what is open goes on")
            for operation in await clients.finish(self.options.bound):
                self._stuck(operation.workflow_id, f"{operation} is not answered")
            await self._finish_all(callers[1])
        finally:
            await worker.stop()
            for caller in callers:
                await caller.close()

    def _kinds(self) -> list[str]:
        """The faults this machine lets us make."""
        kinds = list(self.options.faults)
        if "disk" in kinds and self.store.disk is None:
            self.report.say(f"fault 'disk' is skipped: {self.store.no_disk}")
            kinds.remove("disk")
        return kinds

    def _stuck(self, workflow_id: str, text: str) -> None:
        self.findings.append(Finding(
            Category.STUCK, workflow_id, f"{text} {self.options.bound:.0f} s after the last fault"))

    async def _finish_all(self, caller: Caller) -> None:
        """Tells every open workflow to finish, and waits until it has."""
        listed = await lists(caller)
        runs = await run_ids(caller, listed, self.journal.workflow_ids())
        closed = {(row.workflow_id, row.run_id) for row in listed if not row.is_open}
        still_open = sorted(runs - closed)
        self.report.say(f"{len(still_open)} of {len(runs)} workflows are open and told to finish")
        client = Client(caller, self.journal, self._rng("last"))
        turns = asyncio.Semaphore(self.options.concurrency)
        deadline = time.monotonic() + self.options.bound

        async def finish(workflow_id: str, run_id: str) -> None:
            async with turns:
                await client.finish(workflow_id)
                left = max(deadline - time.monotonic(), 5.0)
                try:
                    await asyncio.wait_for(_closed(caller, workflow_id, run_id), left)
                except asyncio.TimeoutError:
                    self._stuck(workflow_id, f"{workflow_id} has not completed")

        await asyncio.gather(*(finish(*run) for run in still_open))

    def _unexpected(self) -> None:
        """Answers that no client should get are wrong, whatever came of them."""
        for text, count in self.journal.unexpected.items():
            self.findings.append(Finding(Category.WRONG, "", f"answered {count} times: {text}"))

    async def _crash_all(self) -> None:
        """What is read afterwards comes from the store, not from anybody's memory."""
        self.faults.is_server_meant_to_be_dead = True
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.store.crash)
        await self.faults.start_server()

    async def _read(self) -> None:
        caller = self._caller("reader")
        try:
            self.stored = await read_all(caller, self.journal.workflow_ids())
        finally:
            await caller.close()
        self.report.say(f"read {sum(map(len, self.stored.runs.values()))} histories")
        self.findings += check(self.journal, self.stored)


async def _closed(caller: Caller, workflow_id: str, run_id: str) -> None:
    """Returns when a run is closed."""
    request = ws.GetWorkflowExecutionHistoryRequest(
        namespace=NAMESPACE, wait_new_event=True,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
    while True:
        try:
            reply = await caller.call(request)
        except Refused as refusal:
            caller.unexpected(request, refusal)
            return
        if reply.history.events:
            return
        request.next_page_token = reply.next_page_token
