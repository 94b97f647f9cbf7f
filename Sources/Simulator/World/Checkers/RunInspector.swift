import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Checks that everything a client can ask about closed runs agrees with their histories.
///
/// Knows nothing of the workload.
package struct RunInspector {
    /// A closed run, with its history.
    package struct Run {
        package let id: String
        package let events: [HistoryEvent]

        package init(id: String, events: [HistoryEvent]) {
            self.id = id
            self.events = events
        }

        /// Whether `time` is when the run began; one that a reset made has older events.
        fileprivate func began(at time: Google_Protobuf_Timestamp) -> Bool {
            let reset = self.events.last { event in
                event.workflowTaskFailedEventAttributes.cause == .resetWorkflow
                    && event.workflowTaskFailedEventAttributes.newRunID == self.id
            }
            return time == (reset ?? self.events[0]).eventTime
        }
    }

    let world: SimulatedWorld
    private let caller: PatientCaller

    package init(world: SimulatedWorld) {
        self.world = world
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "inspector"))
    }

    /// Inspects every run of one workflow id.
    package func inspect(_ runs: [Run], of workflowID: String) async {
        for run in runs {
            self.world.coverage.seen(run.events)
            if let last = run.events.last {
                self.world.closedRuns.closed(workflowID, run.id, at: Timestamp(last.eventTime))
            }
            for problem in HistoryChecker.problems(
                in: run.events, of: "\(workflowID), run \(run.id)")
            {
                self.world.fail(problem)
            }
            for problem in PauseChecker.problems(
                in: run.events, of: "\(workflowID), run \(run.id)",
                handedOut: self.world.tasks.handedOut(of: run.id))
            {
                self.world.fail(problem)
            }
            await self.describe(run, of: workflowID)
            await self.readBackwards(run, of: workflowID)
        }
        await self.list(runs, of: workflowID)
        await self.reload(runs, of: workflowID)
    }

    private func describe(_ run: Run, of workflowID: String) async {
        guard
            case .success(let response) = await self.caller.description(of: workflowID, run.id)
        else { return self.world.fail("\(workflowID), run \(run.id), cannot be described") }
        self.compare(response.workflowExecutionInfo, with: run, "described", workflowID)
        self.compareOptions(response.workflowExecutionInfo, with: run, workflowID)
        let pendingCount = response.pendingActivities.count + response.pendingChildren.count
        if pendingCount > 0 || response.hasPendingWorkflowTask {
            self.world.fail("\(workflowID), run \(run.id), is closed with something pending")
        }
        var attributes: [String: Payload] =
            run.events.first?.start?.searchAttributes
            .indexedFields ?? [:]
        var memo: [String: Payload] = run.events.first?.start?.memo.fields ?? [:]
        for event in run.events {
            switch event.attributes {
            case .upsertWorkflowSearchAttributesEventAttributes(let upsert):
                attributes.merge(upsert.searchAttributes.indexedFields) { $1 }
            case .workflowPropertiesModifiedEventAttributes(let modified):
                memo.merge(modified.upsertedMemo.fields) { $1 }
            default: break
            }
        }
        let info = response.workflowExecutionInfo
        if info.memo.fields != memo
            || attributes.contains(where: {
                info.searchAttributes.indexedFields[$0.key]?.data != $0.value.data
            })
        {
            self.world.fail("\(workflowID), run \(run.id), is described with other properties")
        }
    }

    private func readBackwards(_ run: Run, of workflowID: String) async {
        guard
            case .success(let events) = await self.caller.historyReversed(of: workflowID, run.id),
            events == run.events
        else {
            return self.world.fail("\(workflowID), run \(run.id), reads otherwise backwards")
        }
    }

    private func compare(
        _ info: WorkflowExecutionInfo, with run: Run, _ how: String, _ workflowID: String
    ) {
        guard let last = run.events.last, let end = ProgramEnd(last) else { return }
        if info.status != end.status || info.historyLength != Int64(run.events.count)
            || info.closeTime != last.eventTime
            || !run.began(at: info.startTime)
        {
            self.world.fail(
                "\(workflowID), run \(run.id), is \(how) as \(info.status) with "
                    + "\(info.historyLength) events, its history is \(end.status) with "
                    + "\(run.events.count)")
        }
    }

    private func list(_ runs: [Run], of workflowID: String) async {
        let query = "WorkflowId = '\(workflowID)'"
        guard case .success(let listed) = await self.caller.list(query),
            case .success(let count) = await self.caller.count(query)
        else { return self.world.fail("\(workflowID) cannot be listed") }
        let known = Dictionary(uniqueKeysWithValues: runs.map { ($0.id, $0) })
        if listed.count != runs.count || count != Int64(runs.count) {
            self.world.fail(
                "\(workflowID) has \(runs.count) runs, \(listed.count) are listed, \(count) counted"
            )
        }
        for info in listed {
            guard let run = known[info.execution.runID] else {
                self.world.fail("\(workflowID) has a run \(info.execution.runID) nobody made")
                continue
            }
            self.compare(info, with: run, "listed", workflowID)
        }
    }

    /// The current run is the last one.
    private func reload(_ runs: [Run], of workflowID: String) async {
        guard let last = runs.last else { return }
        guard case .success(let response) = await self.caller.description(of: workflowID, ""),
            response.workflowExecutionInfo.execution.runID == last.id
        else { return self.world.fail("the current run of \(workflowID) is not its last one") }
    }
}
