import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// - Throws: `unimplemented` if activities of their own are switched off.
    func checkStandaloneActivities() throws(ServiceError) {
        guard self.settings.enableStandaloneActivities else {
            throw ServiceError(.unimplemented, "Standalone activity is disabled")
        }
    }

    /// Checks a start request and fills in what it leaves open, so that history finds every
    /// field decided.
    func prepareStart(
        _ request: inout StartActivityExecutionRequest, _ call: NamespaceCall
    ) throws(ServiceError) {
        if request.requestID.isEmpty { request.requestID = self.uuid() }
        try self.checkStartDelay(request)
        try self.checkTaskQueueName(request.taskQueue.name)
        guard request.taskQueue.name != systemTaskQueueName else { throw .taskQueueInternal }
        try self.checkActivityOptions(&request)
        try self.checkLength(of: request.requestID, "request ID")
        try self.checkLength(of: request.identity, "identity")
        try Self.setPolicies(&request)
        guard !self.isTooLarge(request.input) else {
            throw .invalidArgument("input exceeds length limit")
        }
        try Self.checkSizes(of: request.userMetadata)
        if request.hasSearchAttributes {
            request.searchAttributes = try SearchAttributeValidation(
                call.namespace, self.settings
            ).checked(request.searchAttributes)
        }
        guard request.completionCallbacks.isEmpty else {
            throw .invalidArgument("completion callbacks are not enabled for this namespace")
        }
        try self.checkLinks(request.links)
        try Self.checkOnConflict(request)
        guard !request.hasPropagatedNexusSerializationContext else {
            throw .notBuilt("propagated_nexus_serialization_context is")
        }
    }

    private func checkStartDelay(_ request: StartActivityExecutionRequest) throws(ServiceError) {
        if let flaw = durationFlaw(request.startDelay) {
            throw .invalidArgument("invalid StartDelay: \(flaw)")
        }
        guard
            self.settings.enableActivityStartDelay
                || Duration(clamping: request.startDelay) == .zero
        else {
            throw .invalidArgument("start_delay is not enabled for this namespace")
        }
    }

    private func checkActivityOptions(
        _ request: inout StartActivityExecutionRequest
    ) throws(ServiceError) {
        let rules = ActivityRules(idLengthMax: self.settings.idLengthMax)
        if let flaw = rules.flaw(
            id: request.activityID, type: request.activityType.name, request.retryPolicy,
            request.priority)
        {
            throw .invalidArgument(flaw)
        }
        request.retryPolicy = request.retryPolicy.withDefaults
        let timeouts = try ActivityTimeouts(
            ActivityTimeouts.Wanted(request), of: request.activityID, request.activityType.name,
            runTimeout: .zero)
        request.scheduleToCloseTimeout = timeouts.scheduleToClose.proto
        request.scheduleToStartTimeout = timeouts.scheduleToStart.proto
        request.startToCloseTimeout = timeouts.startToClose.proto
        request.heartbeatTimeout = timeouts.heartbeat.proto
    }

    func checkLength(of text: String, _ name: String) throws(ServiceError) {
        let length = text.utf8.count, lengthMax = self.settings.idLengthMax
        guard length <= lengthMax else {
            throw .invalidArgument(
                "\(name) exceeds length limit. Length=\(length) Limit=\(lengthMax)")
        }
    }

    private static func setPolicies(
        _ request: inout StartActivityExecutionRequest
    ) throws(ServiceError) {
        switch request.idReusePolicy {
        case .unspecified: request.idReusePolicy = .allowDuplicate
        case .UNRECOGNIZED(let number):
            throw .invalidArgument("unsupported ID reuse policy: \(number)")
        case .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate: break
        }
        switch request.idConflictPolicy {
        case .unspecified: request.idConflictPolicy = .fail
        case .UNRECOGNIZED(let number):
            throw .invalidArgument("unsupported ID conflict policy: \(number)")
        case .fail, .useExisting: break
        }
    }

    private static func checkSizes(
        of metadata: Temporal_Api_Sdk_V1_UserMetadata
    ) throws(ServiceError) {
        let parts = [
            ("summary", PayloadSize.of(metadata.summary), self.summarySizeMax),
            ("details", PayloadSize.of(metadata.details), self.detailsSizeMax),
        ]
        for (name, size, sizeMax) in parts where size > sizeMax {
            throw .invalidArgument(
                "user_metadata.\(name) exceeds size limit. Length=\(size) Limit=\(sizeMax)")
        }
    }

    private static func checkOnConflict(
        _ request: StartActivityExecutionRequest
    ) throws(ServiceError) {
        let options = request.onConflictOptions
        guard options.attachRequestID || !options.attachCompletionCallbacks else {
            throw .invalidArgument(
                "on_conflict_options: attach_completion_callbacks requires attach_request_id to be "
                    + "set")
        }
        guard !options.attachRequestID || !request.links.isEmpty else {
            throw .invalidArgument(
                "on_conflict_options: attach_request_id requires at least one completion callback "
                    + "or link")
        }
    }

    /// What the requests to end an activity have in common.
    func checkActivityEnd(
        _ activityID: String, runID: String, identity: String, requestID: inout String,
        reason: String
    ) throws(ServiceError) {
        try self.checkStandaloneActivities()
        if requestID.isEmpty { requestID = self.uuid() }
        try self.checkNamedActivity(activityID, runID: runID, identity: identity)
        try self.checkLength(of: requestID, "request ID")
        guard reason.utf8.count <= self.settings.blobSizeErrorMax else {
            throw .invalidArgument("reason exceeds length limit")
        }
    }
}

extension ActivityTimeouts.Wanted {
    fileprivate init(_ request: StartActivityExecutionRequest) {
        self.init(
            scheduleToClose: request.scheduleToCloseTimeout,
            scheduleToStart: request.scheduleToStartTimeout,
            startToClose: request.startToCloseTimeout, heartbeat: request.heartbeatTimeout)
    }
}
