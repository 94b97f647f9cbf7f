import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Checks that a parent's history and the histories of its children and neighbours tell one story.
package struct FamilyChecker {
    private let world: SimulatedWorld
    private let client: FamilyClient
    private let family: FamilyHistory
    /// The runs of everybody but the parent, by workflow id.
    private let others: [String: [RunInspector.Run]]

    package init(
        world: SimulatedWorld, client: FamilyClient, parent events: [HistoryEvent],
        others: [String: [RunInspector.Run]]
    ) {
        self.world = world
        self.client = client
        self.family = FamilyHistory(
            events, of: WorkflowExecution(client.workflowID, client.runIDs.first ?? ""))
        self.others = others
    }

    package func check() {
        for (id, plan) in self.client.plan.children(of: self.client.workflowID) {
            let children = self.family.children[id] ?? []
            var runs = self.others[id] ?? []
            if plan.script == .exists { runs.removeFirst() }
            for child in children where child.runID != nil { self.check(child, id, plan, &runs) }
            self.checkUnknown(runs, id, plan, children)
        }
        for (_, request) in self.family.requests.sorted(by: { $0.key < $1.key }) {
            switch request.kind {
            case .signal: self.checkSignal(request)
            case .cancel: self.checkCancel(request)
            }
        }
    }

    // Children.

    /// The child its parent has seen to start; its runs are taken out of `runs`.
    private func check(
        _ child: FamilyHistory.Child, _ id: String, _ plan: ChildPlan,
        _ runs: inout [RunInspector.Run]
    ) {
        guard let chain = Self.takeChain(from: child.runID ?? "", out: &runs),
            let last = chain.last, let close = last.events.last, let end = ProgramEnd(close)
        else { return self.world.fail("\(id), started by its parent, is not there") }
        self.checkStart(of: chain, id, initiatedBy: child.initiatedEventID)
        let closedAt = Timestamp(close.eventTime)
        if let seen = child.end {
            let isSame =
                seen.end.status == end.status
                && (end.status == .terminated || seen.end.text == end.text)
            if !isSame || seen.child.runID != last.id {
                self.world.fail("\(id) ended \(end), and its parent saw \(seen.end)")
            }
        } else if !child.isLeftAlone {
            self.checkPolicy(child.closePolicy, on: chain, id, plan, end, closedAt)
        } else if plan.script == .isLeft, end != ProgramEnd(.completed, "done") {
            self.world.fail("\(id), left alone by its parent, ended \(end)")
        }
        self.checkNoPolicyCame(child, chain, id)
    }

    private static func takeChain(
        from runID: String, out runs: inout [RunInspector.Run]
    ) -> [RunInspector.Run]? {
        var chain: [RunInspector.Run] = [], next = runID
        while !next.isEmpty {
            guard let index = runs.firstIndex(where: { $0.id == next }) else { return nil }
            let run = runs.remove(at: index)
            chain.append(run)
            next = run.events.last?.nextRunID ?? ""
        }
        return chain
    }

    /// Every run of a child says whose child it is.
    private func checkStart(
        of chain: [RunInspector.Run], _ id: String, initiatedBy eventID: Int64
    ) {
        for run in chain {
            guard let start = run.events.first?.start else { continue }
            if start.parentWorkflowExecution != self.family.parent
                || start.parentInitiatedEventID != eventID
                || start.rootWorkflowExecution != self.family.parent
                || start.firstExecutionRunID != chain[0].id
            {
                self.world.fail("\(id), run \(run.id), names another parent than the one it has")
            }
        }
    }

    /// The parent closed before the child did, and did not mean to leave it alone.
    private func checkPolicy(
        _ policy: ChildPlan.ClosePolicy, on chain: [RunInspector.Run], _ id: String,
        _ plan: ChildPlan, _ end: ProgramEnd, _ closedAt: Timestamp
    ) {
        // Others may have ended by themselves, before the policy came to them.
        guard plan.script == .isLeft else { return }
        let isCarriedOut =
            policy == .requestCancel
            ? end.status == .canceled : end == ProgramEnd(.terminated, Self.policyReason)
        if !isCarriedOut || closedAt < self.family.closedAt {
            self.world.fail("\(id), whose parent closed with policy \(policy), ended \(end)")
        }
    }

    private static let policyReason = "by parent close policy"

    /// No policy is carried out before the parent's end, nor one that the parent does not have.
    private func checkNoPolicyCame(
        _ child: FamilyHistory.Child, _ chain: [RunInspector.Run], _ id: String
    ) {
        for event in chain.flatMap(\.events) {
            let policy: ChildPlan.ClosePolicy
            switch event.attributes {
            case .workflowExecutionTerminatedEventAttributes(let terminated)
            where terminated.reason == Self.policyReason:
                policy = .terminate
            case .workflowExecutionCancelRequestedEventAttributes(let requested)
            where requested.externalWorkflowExecution == self.family.parent
                && requested.externalInitiatedEventID == 0:
                policy = .requestCancel
            default: continue
            }
            if child.closePolicy != policy || child.end != nil
                || child.isLeftAlone
                || Timestamp(event.eventTime) < self.family.closedAt
            {
                self.world.fail("\(id) met with \(policy), which its parent did not ask for")
            }
        }
    }

    /// Runs whose start the parent has not recorded: it closed while they were being started.
    private func checkUnknown(
        _ runs: [RunInspector.Run], _ id: String, _ plan: ChildPlan,
        _ children: [FamilyHistory.Child]
    ) {
        let unknown = children.filter { $0.runID == nil && !$0.isRefused }
        let firstRuns = runs.filter { $0.events[0].start?.continuedExecutionRunID.isEmpty ?? false }
        for run in firstRuns {
            let start = run.events[0].start
            guard start?.parentWorkflowExecution == self.family.parent,
                unknown.contains(where: {
                    $0.initiatedEventID == start?.parentInitiatedEventID ?? 0
                })
            else { return self.world.fail("\(id), run \(run.id), was started by nobody") }
            self.world.marks.reached("family.unknownChild")
        }
        if firstRuns.count > unknown.count {
            self.world.fail("\(id) was started \(firstRuns.count) times for one parent")
        }
        // A closed parent does not record that the id was taken.
        guard plan.script != .exists, firstRuns.isEmpty else { return }
        for child in unknown where child.isLeftAlone {
            self.world.fail("\(id), asked for by event \(child.initiatedEventID), was not started")
        }
    }

    // Requests.

    private func checkSignal(_ request: FamilyHistory.Request) {
        let events = self.runs(of: request).flatMap(\.events)
        let count = events.count { event in
            guard case .workflowExecutionSignaledEventAttributes(let signaled) = event.attributes
            else { return false }
            return signaled.input.text == request.text
                && signaled.externalWorkflowExecution == self.family.parent
        }
        let isRight =
            switch request.isDelivered {
            case true: count == 1
            // A closed run has forgotten what it took, and refuses what is sent to it again.
            case false:
                self.isRefused(request) && (count == 0 || count == 1 && self.world.mayRepeatTasks)
            default: count <= 1
            }
        if !isRight { self.failed(request, "has it \(count) times") }
    }

    private func checkCancel(_ request: FamilyHistory.Request) {
        let isAsked = self.runs(of: request).flatMap(\.events).contains {
            $0.eventType == .workflowExecutionCancelRequested
        }
        let isRight =
            switch request.isDelivered {
            // A closed run has nothing against it.
            case true: isAsked || !self.runs(of: request).isEmpty && self.isRefused(request)
            case false: self.isRefused(request)
            default: true
            }
        if !isRight { self.failed(request, isAsked ? "is asked" : "is not asked") }
    }

    private func runs(of request: FamilyHistory.Request) -> [RunInspector.Run] {
        self.others[request.target.workflowID] ?? []
    }

    /// Whether nobody was there to take a request, at some time before it was answered.
    private func isRefused(_ request: FamilyHistory.Request) -> Bool {
        guard let answeredAt = request.answeredAt else { return false }
        guard request.target.workflowID != self.client.workflowID else { return true }
        let runs = self.runs(of: request).compactMap { run -> (from: Timestamp, to: Timestamp)? in
            guard let first = run.events.first, let last = run.events.last else { return nil }
            return (Timestamp(first.eventTime), Timestamp(last.eventTime))
        }
        let times = [request.askedAt] + runs.map(\.to)
        return times.contains { time in
            time >= request.askedAt && time <= answeredAt
                && !runs.contains { $0.from <= time && time < $0.to }
        }
    }

    private func failed(_ request: FamilyHistory.Request, _ what: String) {
        let answer =
            switch request.isDelivered {
            case true: "delivered"
            case false: "refused"
            default: "unanswered"
            }
        self.world.fail(
            "\(request.text) of \(self.client.workflowID) was \(answer), and "
                + "\(request.target.workflowID) \(what)")
    }
}
