import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Starts an activity, unless the id's current run and the policies say otherwise.
    mutating func startActivity(
        _ request: StartActivityRequest, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let current = self.cachedActivity(call.address, RunID("")) else {
            guard call.missing == .some(nil) else {
                self.load(call.address, nil, then: .request(call.id, call.request), &effects)
                return
            }
            return self.createActivity(request, replacing: nil, call, &effects)
        }
        let state = current.state
        if state.knows(requestID: request.requestID) {
            return self.foundActivity(state, request, call, &effects)
        }
        guard state.isRunning else {
            guard state.permits(request.idReusePolicy) else {
                return self.refuse(call.id, state.alreadyStarted, seeing: state.key, &effects)
            }
            return self.createActivity(request, replacing: state.key.runID, call, &effects)
        }
        switch request.idConflictPolicy {
        case .useExisting: self.foundActivity(state, request, call, &effects)
        case .fail, .unspecified, .UNRECOGNIZED:
            self.refuse(call.id, state.alreadyStarted, seeing: state.key, &effects)
        }
    }

    private mutating func createActivity(
        _ request: StartActivityRequest, replacing previous: RunID?, _ call: Call,
        _ effects: inout [Effect]
    ) {
        let transition = StandaloneActivityTransition(
            request, runID: RunID(self.generator.uuid(at: self.now)),
            namespaceID: call.request.namespace.id, retention: call.request.namespace.retention,
            now: self.now)
        self.acceptNew(transition, replacing: previous)
        self.replyStarted(transition.state, isNew: true, call, &effects)
    }

    /// Answers a request that found a run, after attaching to it what the request wants to.
    private mutating func foundActivity(
        _ state: StandaloneActivityState, _ request: StartActivityRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        if request.onConflictOptions.attachLinks, !request.links.isEmpty,
            !state.hasLinks(of: request.requestID)
        {
            if let refusal = state.refusal(ofLinks: request.links.count, self.settings) {
                return self.refuse(call.id, refusal, seeing: state.key, &effects)
            }
            var transition = self.transition(of: state)
            transition.attach(request.links, by: request.requestID)
            self.accept(transition, &effects)
        }
        self.replyStarted(state, isNew: false, call, &effects)
    }

    private mutating func replyStarted(
        _ state: StandaloneActivityState, isNew: Bool, _ call: Call, _ effects: inout [Effect]
    ) {
        let key = state.key
        let response = Temporal_Api_Workflowservice_V1_StartActivityExecutionResponse.with {
            $0.runID = key.runID.rawValue
            $0.started = isNew
            $0.link.activity = .with {
                $0.namespace = call.request.namespace.name
                $0.activityID = key.workflowID.rawValue
                $0.runID = key.runID.rawValue
            }
        }
        self.reply(
            call.id, .standaloneActivity(.started(response)), seeing: key, &effects)
    }
}

extension StandaloneActivityState {
    /// Whether the id of this closed run may be used again.
    fileprivate func permits(_ policy: Temporal_Api_Enums_V1_ActivityIdReusePolicy) -> Bool {
        switch policy {
        case .allowDuplicate, .unspecified, .UNRECOGNIZED: true
        case .allowDuplicateFailedOnly: self.info.status != .completed
        case .rejectDuplicate: false
        }
    }

    fileprivate var alreadyStarted: ServiceError {
        ServiceError(
            .activityExecutionAlreadyStarted(
                startRequestID: self.info.createRequestID, runID: self.key.runID),
            "activity execution already started")
    }

    fileprivate func refusal(ofLinks count: Int, _ settings: Settings) -> ServiceError? {
        guard self.isRunning else {
            return ServiceError(
                .failedPrecondition, "cannot attach links to a closed activity")
        }
        let attached = self.info.links.reduce(0) { $0 + $1.links.count }
        guard attached + count <= settings.activityLinksMax else {
            return ServiceError(
                .failedPrecondition,
                "cannot attach more than \(settings.activityLinksMax) links to an activity (\(attached) links already attached)"
            )
        }
        return nil
    }
}
