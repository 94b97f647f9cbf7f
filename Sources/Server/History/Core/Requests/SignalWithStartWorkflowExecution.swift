import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    mutating func signalWithStart(
        _ request: Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        if request.hasVersioningOverride,
            let error = request.versioningOverride.refusal(taskQueue: request.taskQueue.name)
        {
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard let current = self.currentRun(for: call, &effects) else { return }
        let terminates = request.workflowIDConflictPolicy == .terminateExisting
        if case .run(let run) = current {
            if run.state.info.createRequestID == request.requestID {
                return self.replySignaled(
                    run.state, request.requestID, call, isNew: true, &effects)
            }
            if run.state.isRunning, !terminates {
                return self.signalExisting(request, run, call, &effects)
            }
        }
        do throws(ServiceError) {
            let opening = try self.makeRoom(
                replacing: current, request.workflowIDReusePolicy, terminates: terminates,
                &effects)
            self.startSignaled(request, call, opening, &effects)
        } catch {
            self.refuse(call.id, error, seeing: current.key, &effects)
        }
    }

    private mutating func signalExisting(
        _ request: Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest,
        _ run: CachedRun, _ call: Call, _ effects: inout [Effect]
    ) {
        if let error = self.deliver(request.signaled, links: request.links, to: run, &effects) {
            self.refuse(call.id, error, seeing: run.state.key, &effects)
        } else {
            self.replySignaled(run.state, request.requestID, call, isNew: false, &effects)
        }
    }

    private mutating func startSignaled(
        _ request: Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest,
        _ call: Call, _ opening: Opening, _ effects: inout [Effect]
    ) {
        var transition = self.creating(request.start, call, runID: opening.runID)
        transition.append(
            .workflowExecutionSignaled, .workflowExecutionSignaledEventAttributes(request.signaled)
        ) { $0.links = request.links }
        transition.needsWorkflowTask = true
        self.acceptNew(transition, replacing: opening.previous)
        self.replySignaled(
            transition.state, request.requestID, call, isNew: true, &effects)
    }

    private mutating func replySignaled(
        _ state: MutableState, _ requestID: String, _ call: Call, isNew: Bool,
        _ effects: inout [Effect]
    ) {
        let response =
            Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionResponse.with {
                $0.runID = state.info.runID
                $0.firstExecutionRunID = state.info.firstRunID
                $0.started = isNew
                $0.signalLink = .signal(requestID, of: state.key, call)
            }
        self.reply(call.id, .signalWithStarted(response), seeing: state.key, &effects)
    }
}

extension Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest {
    fileprivate var signaled: Temporal_Api_History_V1_WorkflowExecutionSignaledEventAttributes {
        .with {
            $0.signalName = self.signalName
            if self.hasSignalInput { $0.input = self.signalInput }
            $0.identity = self.identity
            if self.hasHeader { $0.header = self.header }
            $0.requestID = self.requestID
        }
    }

    /// The start this request asks for if there is nothing to signal.
    fileprivate var start: Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest {
        .with {
            $0.namespace = self.namespace
            $0.workflowID = self.workflowID
            $0.workflowType = self.workflowType
            $0.taskQueue = self.taskQueue
            if self.hasInput { $0.input = self.input }
            if self.hasWorkflowExecutionTimeout {
                $0.workflowExecutionTimeout = self.workflowExecutionTimeout
            }
            if self.hasWorkflowRunTimeout { $0.workflowRunTimeout = self.workflowRunTimeout }
            $0.workflowTaskTimeout = self.workflowTaskTimeout
            $0.identity = self.identity
            $0.requestID = self.requestID
            if self.hasRetryPolicy { $0.retryPolicy = self.retryPolicy }
            $0.cronSchedule = self.cronSchedule
            if self.hasMemo { $0.memo = self.memo }
            if self.hasSearchAttributes { $0.searchAttributes = self.searchAttributes }
            if self.hasHeader { $0.header = self.header }
            $0.workflowStartDelay = self.workflowStartDelay
            if self.hasUserMetadata { $0.userMetadata = self.userMetadata }
            $0.links = self.links
            if self.hasPriority { $0.priority = self.priority }
            if self.hasVersioningOverride { $0.versioningOverride = self.versioningOverride }
        }
    }
}
