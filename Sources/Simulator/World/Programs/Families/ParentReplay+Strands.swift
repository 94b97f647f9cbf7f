import Primitives
import SwiftProtobuf
import TemporalAPI

extension ParentReplay {
    /// How far a strand has come; what it still has to do is appended to `commands`.
    func progress(
        of strand: FamilyPlan.Strand, _ index: Int, _ commands: inout [Command]
    ) -> Progress {
        let parentID = self.input.parentID
        switch strand {
        case .child(let plan):
            return self.progress(of: plan, FamilyPlan.childID(index, of: parentID), &commands)
        case .signal(let target):
            let text = "signal \(index) of \(parentID)"
            let targetID = Self.targetID(target, FamilyPlan.friend(of: parentID), parentID)
            return self.progress(of: text, to: targetID, &commands) {
                self.signal(text, to: targetID)
            }
        case .cancel(let target):
            let text = "cancel \(index) of \(parentID)"
            let targetID = Self.targetID(target, FamilyPlan.victim(of: parentID), parentID)
            return self.progress(of: text, to: targetID, &commands) {
                self.requestCancel(text, of: targetID)
            }
        }
    }

    private static func targetID(
        _ target: FamilyPlan.Target, _ neighbor: String, _ parentID: String
    ) -> String {
        switch target {
        case .neighbor: neighbor
        case .missing: "\(parentID)/nobody"
        case .itself: parentID
        }
    }

    private func progress(
        of text: String, to targetID: String, _ commands: inout [Command],
        _ command: () -> Command
    ) -> Progress {
        guard let request = self.request(text, to: targetID) else {
            commands.append(command())
            return .notBegun
        }
        guard let isDelivered = request.isDelivered else { return .goesOn }
        return .over(isDelivered ? "delivered" : "undelivered")
    }

    // Children.

    private func progress(
        of plan: ChildPlan, _ id: String, _ commands: inout [Command]
    ) -> Progress {
        let children = self.children[id] ?? []
        guard let first = children.first else {
            commands.append(self.start(plan, id, reuse: .allowDuplicate))
            return .notBegun
        }
        guard let end = first.end else {
            guard let runID = first.runID else { return .notBegun }
            return self.tend(plan, WorkflowExecution(id, runID), &commands)
        }
        let reuse: Temporal_Api_Enums_V1_WorkflowIdReusePolicy
        switch plan.second {
        case .none: return .over(end)
        case .isStarted: reuse = .allowDuplicate
        case .isRefused: reuse = .rejectDuplicate
        }
        guard children.count > 1 else {
            commands.append(self.start(Self.secondPlan, id, reuse: reuse))
            return .goesOn
        }
        guard let secondEnd = children[1].end else { return .goesOn }
        return .over("\(end), then \(secondEnd)")
    }

    /// What the second child of one id does.
    private static let secondPlan = ChildPlan(
        script: .completes(after: .milliseconds(10)), closePolicy: .terminate, second: .none,
        isAskedAsChild: false, isAskedByRun: false)

    /// Does to a started child what it waits for.
    private func tend(
        _ plan: ChildPlan, _ child: WorkflowExecution, _ commands: inout [Command]
    ) -> Progress {
        switch plan.script {
        case .isSignaled(let count):
            for text in Self.signals(count, to: child.workflowID) {
                guard let request = self.request(text, to: child.workflowID) else {
                    commands.append(self.signal(text, to: child, plan))
                    return .goesOn
                }
                // One after the other, so that the one that ends the child comes last.
                guard request.isDelivered != nil else { return .goesOn }
            }
            return .goesOn
        case .isCanceled:
            let text = "cancel \(child.workflowID)"
            if self.request(text, to: child.workflowID) == nil {
                commands.append(self.requestCancel(text, of: child, plan))
            }
            return .goesOn
        case .isLeft: return .over("left")
        case .completes, .fails, .timesOut, .continues, .isRetried, .isTerminated, .exists:
            return .goesOn
        }
    }

    /// What the signals to a child say; the last one ends it.
    package static func signals(_ count: Int, to childID: String) -> [String] {
        (0..<count).map { "note \($0) to \(childID)" } + ["done"]
    }

    private func start(
        _ plan: ChildPlan, _ id: String, reuse: Temporal_Api_Enums_V1_WorkflowIdReusePolicy
    ) -> Command {
        .with {
            $0.commandType = .startChildWorkflowExecution
            $0.startChildWorkflowExecutionCommandAttributes = .with {
                $0.workflowID = id
                $0.workflowType.name = plan.script.waits ? "idler" : "child"
                $0.input = Payloads(text: plan.script.text)
                $0.parentClosePolicy = plan.closePolicy
                $0.workflowIDReusePolicy = reuse
                switch plan.script {
                case .timesOut(let timeout): $0.workflowRunTimeout = timeout.proto
                case .isRetried(let failures):
                    $0.retryPolicy = .with {
                        $0.initialInterval = Duration.milliseconds(500).proto
                        $0.backoffCoefficient = 1
                        $0.maximumAttempts = Int32(failures + 1)
                    }
                default: break
                }
            }
        }
    }

    // Requests.

    private func signal(
        _ text: String, to target: WorkflowExecution, isChild: Bool = false
    ) -> Command {
        .with {
            $0.commandType = .signalExternalWorkflowExecution
            $0.signalExternalWorkflowExecutionCommandAttributes = .with {
                $0.execution = target
                $0.signalName = text == "done" ? "end" : "note"
                $0.input = Payloads(text: text)
                $0.childWorkflowOnly = isChild
            }
        }
    }

    private func signal(_ text: String, to workflowID: String) -> Command {
        self.signal(text, to: WorkflowExecution(workflowID, ""))
    }

    private func signal(
        _ text: String, to child: WorkflowExecution, _ plan: ChildPlan
    ) -> Command {
        self.signal(
            text, to: WorkflowExecution(child.workflowID, plan.isAskedByRun ? child.runID : ""),
            isChild: plan.isAskedAsChild)
    }

    private func requestCancel(
        _ text: String, of target: WorkflowExecution, isChild: Bool = false
    ) -> Command {
        .with {
            $0.commandType = .requestCancelExternalWorkflowExecution
            $0.requestCancelExternalWorkflowExecutionCommandAttributes = .with {
                $0.workflowID = target.workflowID
                $0.runID = target.runID
                $0.reason = text
                $0.childWorkflowOnly = isChild
            }
        }
    }

    private func requestCancel(_ text: String, of workflowID: String) -> Command {
        self.requestCancel(text, of: WorkflowExecution(workflowID, ""))
    }

    private func requestCancel(
        _ text: String, of child: WorkflowExecution, _ plan: ChildPlan
    ) -> Command {
        self.requestCancel(
            text, of: WorkflowExecution(child.workflowID, plan.isAskedByRun ? child.runID : ""),
            isChild: plan.isAskedAsChild)
    }
}

extension WorkflowExecution {
    package init(_ workflowID: String, _ runID: String) {
        self.init()
        self.workflowID = workflowID
        self.runID = runID
    }
}
