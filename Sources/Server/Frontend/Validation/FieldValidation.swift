import DynamicConfig
import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    private func isTooLong(_ text: String) -> Bool {
        text.utf8.count > self.settings.idLengthMax
    }

    func checkIdentity(_ identity: String) throws(ServiceError) {
        guard !self.isTooLong(identity) else { throw .identityTooLong }
    }

    func checkWorkflowID(_ id: String) throws(ServiceError) {
        guard !id.isEmpty else { throw .workflowIDNotSet }
        guard !self.isTooLong(id) else { throw .workflowIDTooLong }
    }

    /// Empty means the current run.
    func checkRunID(_ id: String) throws(ServiceError) {
        guard id.isEmpty || isUUID(id) else { throw .runIDInvalid }
    }

    func checkExecution(
        _ execution: WorkflowExecution, isSet: Bool
    ) throws(ServiceError) {
        guard isSet else { throw .executionNotSet }
        try self.checkWorkflowID(execution.workflowID)
        try self.checkRunID(execution.runID)
    }

    func checkWorkflowType(_ name: String) throws(ServiceError) {
        guard !name.isEmpty else { throw .workflowTypeNotSet }
        guard !self.isTooLong(name) else { throw .workflowTypeTooLong }
    }

    func checkSignalName(_ name: String) throws(ServiceError) {
        guard !name.isEmpty else { throw .signalNameNotSet }
        guard !self.isTooLong(name) else { throw .signalNameTooLong }
    }

    func checkQueryType(_ name: String) throws(ServiceError) {
        guard !name.isEmpty else { throw .queryTypeNotSet }
        guard !self.isTooLong(name) else { throw .queryTypeTooLong }
    }

    func checkRequestID(_ id: String) throws(ServiceError) {
        guard !self.isTooLong(id) else { throw .requestIDTooLong }
    }

    func checkReason(_ reason: String) throws(ServiceError) {
        guard !self.isTooLong(reason) else { throw .reasonTooLong }
    }

    func checkActivityID(_ id: String) throws(ServiceError) {
        guard !id.isEmpty else { throw .activityIDNotSet }
        guard !self.isTooLong(id) else { throw .activityIDTooLong }
    }

    /// A name of a task queue that a caller may use.
    func checkTaskQueueName(_ name: String) throws(ServiceError) {
        guard !name.isEmpty else { throw .taskQueueNotSet }
        guard !self.isTooLong(name) else { throw .taskQueueTooLong }
        guard !name.hasPrefix("/_sys/") else { throw .taskQueueReserved }
    }

    /// - Throws: `invalidArgument` if `payloads` are larger than a blob may be.
    func checkBlob(_ payloads: Payloads) throws(ServiceError) {
        guard !self.isTooLarge(payloads) else { throw .blobTooLarge }
    }

    func isTooLarge(_ payloads: Payloads) -> Bool {
        PayloadSize.of(payloads) > self.settings.blobSizeErrorMax
    }

    func checkMemo(_ memo: Memo) throws(ServiceError) {
        guard PayloadSize.of(memo.fields) <= self.settings.memoSizeErrorMax else {
            throw .memoTooLarge
        }
    }

    func checkPriority(_ priority: Priority) throws(ServiceError) {
        if let flaw = priority.flaw { throw .invalidArgument(flaw) }
    }

    func checkUserMetadata(
        _ metadata: Temporal_Api_Sdk_V1_UserMetadata
    ) throws(ServiceError) {
        guard PayloadSize.of(metadata.summary) <= Self.summarySizeMax else {
            throw .invalidArgument(
                "UserMetadata.Summary exceeds size limit \(Self.summarySizeMax)")
        }
        guard PayloadSize.of(metadata.details) <= Self.detailsSizeMax else {
            throw .invalidArgument(
                "UserMetadata.Details exceeds size limit \(Self.detailsSizeMax)")
        }
    }

    func checkLinks(_ links: [Link]) throws(ServiceError) {
        guard links.count <= Self.linksMax else {
            throw .invalidArgument(
                "cannot attach more than \(Self.linksMax) links per request, got \(links.count)")
        }
        for link in links {
            let size = PayloadSize.ofMessage(link)
            guard size <= Self.linkSizeMax else {
                throw .invalidArgument(
                    "link exceeds allowed size of \(Self.linkSizeMax), got \(size)")
            }
            try Self.checkVariant(of: link)
        }
    }

    private static func checkVariant(of link: Link) throws(ServiceError) {
        switch link.variant {
        case .workflowEvent(let event):
            try self.check(
                "workflow event link", event.namespace, ("workflow ID", event.workflowID),
                event.runID)
            guard event.eventRef.eventType != .unspecified || event.eventRef.eventID == 0 else {
                throw .invalidArgument(
                    "workflow event link ref cannot have an unspecified event type and a non-zero "
                        + "event ID")
            }
        case .batchJob(let job):
            guard !job.jobID.isEmpty else {
                throw .invalidArgument("batch job link must not have an empty job ID")
            }
        case .workflow(let workflow):
            try self.check(
                "workflow link", workflow.namespace, ("workflow ID", workflow.workflowID),
                workflow.runID)
        case .activity(let activity):
            try self.check(
                "activity link", activity.namespace, ("activity ID", activity.activityID),
                activity.runID)
        case .nexusOperation(let operation):
            try self.check(
                "nexus operation link", operation.namespace,
                ("operation ID", operation.operationID), operation.runID)
        case .callback, nil: throw .invalidArgument("unsupported link variant")
        }
    }

    /// What a link to an execution must name.
    private static func check(
        _ what: String, _ namespace: String, _ id: (String, String), _ runID: String
    ) throws(ServiceError) {
        let fields: [(String, String)] = [("namespace", namespace), id, ("run ID", runID)]
        for (name, value) in fields where value.isEmpty {
            throw .invalidArgument("\(what) must not have an empty \(name) field")
        }
    }

    static let summarySizeMax = 400
    static let detailsSizeMax = 20_000
    static let linksMax = 10
    static let linkSizeMax = 4_000
}
