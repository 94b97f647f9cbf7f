import GRPCCore
import Primitives
import SwiftProtobuf
import TemporalAPI

/// What a caller is told of a failed call: the one place where errors become gRPC statuses.
package struct ServiceErrorStatus: Equatable, Sendable {
    package let code: Status.Code
    package let message: String
    /// What SDKs take their exceptions from; at most one.
    package let detail: Google_Protobuf_Any?
    /// For the log: what the caller is not told.
    package let hidden: String?

    /// Bytes of a message that reach the caller.
    private static let messageSizeMax = 4_000
    /// Trailer that carries a `google.rpc.Status`.
    private static let detailsHeader = "grpc-status-details-bin"

    /// The status of an error of any kind; one that nobody foresaw is masked.
    package init(_ error: any Error) {
        switch error {
        case let error as ServiceError: self.init(error)
        case let error as RPCError: self.init(code: Status.Code(error.code), error.message)
        case is CancellationError: self.init(code: .cancelled, "the caller went away")
        default: self.init(masking: String(describing: error))
        }
    }

    private init(code: Status.Code, _ message: String, _ detail: (any SwiftProtobuf.Message)? = nil)
    {
        self.code = code
        self.message = message.truncated(to: Self.messageSizeMax)
        self.detail = detail.flatMap(Self.packed)
        self.hidden = nil
    }

    /// Says no more than that something failed, with a name to look it up by in the log.
    private init(masking hidden: String) {
        let hash = hidden.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        let name = String(repeating: "0", count: 8 - digits.count) + digits
        self.code = .internalError
        self.message = "something went wrong, please retry (\(name))"
        self.detail = nil
        self.hidden = hidden
    }

    package init(_ error: ServiceError) {
        guard let code = Self.code(of: error.kind) else {
            self.init(masking: error.message)
            return
        }
        self.init(code: code, error.message, Self.detail(of: error.kind))
    }

    /// Nil for what callers are not told.
    private static func code(of kind: ServiceError.Kind) -> Status.Code? {
        switch kind {
        case .invalidArgument, .queryFailed: .invalidArgument
        case .notFound, .namespaceNotFound: .notFound
        case .namespaceAlreadyExists, .workflowExecutionAlreadyStarted,
            .activityExecutionAlreadyStarted, .alreadyExists:
            .alreadyExists
        case .namespaceInvalidState, .failedPrecondition, .workflowNotReady: .failedPrecondition
        case .permissionDenied: .permissionDenied
        case .resourceExhausted: .resourceExhausted
        case .multiOperation(let ends): Self.code(of: ends)
        case .aborted: .aborted
        case .unimplemented: .unimplemented
        case .unavailable, .shardUnavailable: .unavailable
        case .deadlineExceeded: .deadlineExceeded
        case .cancelled: .cancelled
        case .dataLoss: .dataLoss
        case .internalError, .taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable: nil
        }
    }

    private static func detail(of kind: ServiceError.Kind) -> (any SwiftProtobuf.Message)? {
        switch kind {
        case .notFound: NotFoundFailure()
        case .namespaceNotFound(let name): NamespaceNotFoundFailure.with { $0.namespace = name }
        case .namespaceAlreadyExists: NamespaceAlreadyExistsFailure()
        case .namespaceInvalidState(let name, let state, let allowed):
            NamespaceInvalidStateFailure.with {
                $0.namespace = name
                $0.state = state
                $0.allowedStates = allowed
            }
        case .workflowExecutionAlreadyStarted(let startRequestID, let runID, let firstRunID):
            WorkflowExecutionAlreadyStartedFailure.with {
                $0.startRequestID = startRequestID
                $0.runID = runID.rawValue
                $0.firstExecutionRunID = firstRunID.rawValue
            }
        case .activityExecutionAlreadyStarted(let startRequestID, let runID):
            ActivityExecutionAlreadyStartedFailure.with {
                $0.startRequestID = startRequestID
                $0.runID = runID.rawValue
            }
        case .workflowNotReady: WorkflowNotReadyFailure()
        case .queryFailed(let failure): QueryFailedFailure.with { $0.failure = failure }
        case .permissionDenied(let reason): PermissionDeniedFailure.with { $0.reason = reason }
        case .resourceExhausted(let cause, let scope):
            ResourceExhaustedFailure.with {
                $0.cause = cause
                $0.scope = scope
            }
        case .multiOperation(let ends):
            MultiOperationExecutionFailure.with { $0.statuses = ends.map(Self.status) }
        case .invalidArgument, .alreadyExists, .failedPrecondition, .aborted, .unimplemented,
            .unavailable,
            .deadlineExceeded, .cancelled, .dataLoss, .internalError, .shardUnavailable,
            .taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable:
            nil
        }
    }

    /// The code of the operation that is to blame.
    private static func code(of ends: [ServiceError.OperationEnd]) -> Status.Code {
        for end in ends {
            guard case .failed(let error) = end else { continue }
            let code = ServiceErrorStatus(error).code
            if code != .aborted { return code }
        }
        return .aborted
    }

    private static func status(
        _ end: ServiceError.OperationEnd
    ) -> MultiOperationExecutionFailure.OperationStatus {
        let aborted = Temporal_Api_Failure_V1_MultiOperationExecutionAborted()
        let part: ServiceErrorStatus
        switch end {
        case .succeeded: return .init()
        case .failed(let error): part = ServiceErrorStatus(error)
        case .aborted: part = .init(code: .aborted, "Operation was aborted.", aborted)
        }
        return .with {
            $0.code = Int32(part.code.rawValue)
            $0.message = part.message
            if let detail = part.detail { $0.details = [detail] }
        }
    }

    /// What ends the call on the wire.
    var parts: (status: Status, trailers: Metadata) {
        let status = Status(code: self.code, message: self.message)
        guard let detail = self.detail else { return (status, [:]) }
        // `google.rpc.Status` by another name.
        let full = Temporal_Api_Common_V1_GrpcStatus.with {
            $0.code = Int32(self.code.rawValue)
            $0.message = self.message
            $0.details = [detail]
        }
        guard let bytes: [UInt8] = try? full.serializedBytes() else { return (status, [:]) }
        return (status, [Self.detailsHeader: .binary(bytes)])
    }

    private static func packed(_ detail: any SwiftProtobuf.Message) -> Google_Protobuf_Any? {
        // Serializing can only fail for required fields, which no detail message has.
        try? Google_Protobuf_Any(message: detail)
    }
}

private typealias MultiOperationExecutionFailure =
    Temporal_Api_Errordetails_V1_MultiOperationExecutionFailure
private typealias NotFoundFailure = Temporal_Api_Errordetails_V1_NotFoundFailure
private typealias NamespaceNotFoundFailure = Temporal_Api_Errordetails_V1_NamespaceNotFoundFailure
private typealias NamespaceAlreadyExistsFailure =
    Temporal_Api_Errordetails_V1_NamespaceAlreadyExistsFailure
private typealias NamespaceInvalidStateFailure =
    Temporal_Api_Errordetails_V1_NamespaceInvalidStateFailure
private typealias WorkflowExecutionAlreadyStartedFailure =
    Temporal_Api_Errordetails_V1_WorkflowExecutionAlreadyStartedFailure
private typealias ActivityExecutionAlreadyStartedFailure =
    Temporal_Api_Errordetails_V1_ActivityExecutionAlreadyStartedFailure
private typealias WorkflowNotReadyFailure = Temporal_Api_Errordetails_V1_WorkflowNotReadyFailure
private typealias QueryFailedFailure = Temporal_Api_Errordetails_V1_QueryFailedFailure
private typealias PermissionDeniedFailure = Temporal_Api_Errordetails_V1_PermissionDeniedFailure
private typealias ResourceExhaustedFailure = Temporal_Api_Errordetails_V1_ResourceExhaustedFailure

extension String {
    /// This text, cut to `size` bytes without breaking a character.
    fileprivate func truncated(to size: Int) -> String {
        guard self.utf8.count > size else { return self }
        let mark = " ... <truncated>"
        var bytes = 0
        let kept = self.prefix { character in
            bytes += character.utf8.count
            return bytes <= size - mark.utf8.count
        }
        return kept + mark
    }
}
