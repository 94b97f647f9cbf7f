import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// How long polls wait.
package enum PollWindow {
    /// Callers that give up sooner than this are refused.
    static let timeoutMin = Duration.seconds(2)
    /// Time left to carry the answer to the caller.
    static let tail = Duration.seconds(1)

    /// When to answer a poll with nothing.
    ///
    /// - Parameters:
    ///   - caller: when the caller gives up; nil if it did not say.
    ///   - now: the time.
    ///   - windowMax: the longest the server lets a poll wait.
    /// - Returns: a time before the caller gives up.
    /// - Throws: `invalidArgument` without a deadline, `failedPrecondition` with too early a one.
    package static func deadline(
        of caller: Timestamp?, now: Timestamp, windowMax: Duration
    ) throws(ServiceError) -> Timestamp {
        guard let caller else { throw .pollTimeoutNotSet }
        guard caller - now >= self.timeoutMin else { throw .pollTimeoutTooShort }
        return min(caller - self.tail, now + windowMax)
    }
}

extension Timestamp {
    static func - (time: Timestamp, duration: Duration) -> Timestamp {
        time + .nanoseconds(-duration.nanoseconds)
    }
}

extension FrontendService {
    func pollDeadline(_ call: NamespaceCall) throws(ServiceError) -> Timestamp {
        try PollWindow.deadline(
            of: call.context.deadline, now: self.now,
            windowMax: self.settings.matchingLongPollExpiration)
    }

    /// Checks a poll's queue.
    func checkPolled(_ queue: TaskQueue) throws(ServiceError) {
        try self.checkTaskQueueName(queue.name)
        switch queue.kind {
        case .unspecified, .normal: break
        case .sticky:
            guard queue.normalName.isEmpty else {
                return try self.checkTaskQueueName(queue.normalName)
            }
        case .workerCommands, .UNRECOGNIZED:
            throw .invalidArgument("task queue kind is not supported for this poll")
        }
    }

    /// Workers that want their tasks by version would get others': they are sent away.
    func checkVersioning(
        usesVersioning: Bool, options: Temporal_Api_Deployment_V1_WorkerDeploymentOptions
    ) throws(ServiceError) {
        guard !usesVersioning else {
            let text = "Worker versioning in workflow progress APIs is disabled on this namespace."
            throw ServiceError(.permissionDenied(reason: ""), text)
        }
        guard options.workerVersioningMode != .versioned else {
            throw ServiceError(
                .permissionDenied(reason: ""),
                "Worker Deployment Versions are disabled on this namespace.")
        }
    }

    func checkBinary(_ checksum: String, _ namespace: Namespace) throws(ServiceError) {
        guard namespace.record.config.badBinaries.binaries[checksum] == nil else {
            throw .invalidArgument("Binary \(checksum) already marked as bad deployment.")
        }
    }
}

extension TaskWorker {
    /// `capabilities` is what the worker's poll says of its version.
    init(identity: String, capabilities: Temporal_Api_Common_V1_WorkerVersionCapabilities) {
        self.init(
            identity: identity,
            version: capabilities.buildID.isEmpty
                ? nil
                : .with {
                    $0.buildID = capabilities.buildID
                    $0.useVersioning = capabilities.useVersioning
                })
    }
}
