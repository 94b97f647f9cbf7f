import TemporalAPI

/// What a caller is told when a request is not done.
///
/// The kind fixes the gRPC status code and the detail message; the transport alone translates it.
package struct ServiceError: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case invalidArgument
        case notFound
        case namespaceNotFound(name: String)
        case namespaceAlreadyExists
        case namespaceInvalidState(
            name: String, state: Temporal_Api_Enums_V1_NamespaceState,
            allowed: [Temporal_Api_Enums_V1_NamespaceState])
        case workflowExecutionAlreadyStarted(
            startRequestID: String, runID: RunID, firstRunID: RunID)
        case activityExecutionAlreadyStarted(startRequestID: String, runID: RunID)
        case alreadyExists
        case failedPrecondition
        case workflowNotReady
        case queryFailed(Temporal_Api_Failure_V1_Failure)
        case permissionDenied(reason: String)
        case resourceExhausted(
            cause: Temporal_Api_Enums_V1_ResourceExhaustedCause,
            scope: Temporal_Api_Enums_V1_ResourceExhaustedScope)
        /// One of several operations of a call failed; one entry per operation.
        case multiOperation([OperationEnd])
        case aborted
        case unimplemented
        case unavailable
        case deadlineExceeded
        case cancelled
        case dataLoss
        /// Ours, not the caller's; the message is masked on its way out.
        case internalError

        // Between the services only; never sent to a caller.

        /// Another node has the shard, or this one is reloading it: try again.
        case shardUnavailable(ShardID)
        /// The task was started by another poll; drop it.
        case taskAlreadyStarted
        /// The task no longer stands for anything; drop it.
        case obsoleteTask
        /// Nobody has polled this sticky queue for a while; use the normal queue.
        case stickyWorkerUnavailable
    }

    /// How one of several operations of a call ended.
    package enum OperationEnd: Equatable, Sendable {
        case succeeded
        case failed(ServiceError)
        /// Not tried, or undone, because of another one.
        case aborted
    }

    package let kind: Kind
    /// Reaches the user, so it never holds a payload, a token or an SQL statement.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package static func invalidArgument(_ message: String) -> ServiceError {
        ServiceError(.invalidArgument, message)
    }
    /// A start and an update that were to be done as one.
    package static func updateWithStart(_ ends: [OperationEnd]) -> ServiceError {
        ServiceError(.multiOperation(ends), "Update-with-Start could not be executed.")
    }
    package static func notFound(_ message: String) -> ServiceError {
        ServiceError(.notFound, message)
    }
    package static func unavailable(_ message: String) -> ServiceError {
        ServiceError(.unavailable, message)
    }

    /// Whether sending the same request again, unchanged, may succeed.
    package var isRetryable: Bool {
        switch self.kind {
        case .unavailable, .shardUnavailable, .resourceExhausted: true
        case .invalidArgument, .notFound, .namespaceNotFound, .namespaceAlreadyExists,
            .namespaceInvalidState, .workflowExecutionAlreadyStarted,
            .activityExecutionAlreadyStarted, .alreadyExists,
            .failedPrecondition, .workflowNotReady, .queryFailed, .permissionDenied,
            .multiOperation, .aborted, .unimplemented, .deadlineExceeded, .cancelled, .dataLoss,
            .internalError,
            .taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable:
            false
        }
    }
}
