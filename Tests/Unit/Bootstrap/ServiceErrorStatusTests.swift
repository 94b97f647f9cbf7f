import FoundationEssentials
import GRPCCore
import GRPCTransport
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ServiceErrorStatusTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let kind: ServiceError.Kind
        let code: Status.Code
        var detail: (any SwiftProtobuf.Message)?
        var testDescription: String { "\(self.kind)" }
    }

    static let visible: [Row] = [
        Row(kind: .invalidArgument, code: .invalidArgument),
        Row(
            kind: .notFound, code: .notFound,
            detail: Temporal_Api_Errordetails_V1_NotFoundFailure()),
        Row(
            kind: .namespaceNotFound(name: "n"), code: .notFound,
            detail: Temporal_Api_Errordetails_V1_NamespaceNotFoundFailure.with {
                $0.namespace = "n"
            }),
        Row(
            kind: .namespaceAlreadyExists, code: .alreadyExists,
            detail: Temporal_Api_Errordetails_V1_NamespaceAlreadyExistsFailure()),
        Row(
            kind: .namespaceInvalidState(name: "n", state: .deleted, allowed: [.registered]),
            code: .failedPrecondition,
            detail: Temporal_Api_Errordetails_V1_NamespaceInvalidStateFailure.with {
                $0.namespace = "n"
                $0.state = .deleted
                $0.allowedStates = [.registered]
            }),
        Row(
            kind: .workflowExecutionAlreadyStarted(
                startRequestID: "s", runID: "r", firstRunID: "f"),
            code: .alreadyExists,
            detail: Temporal_Api_Errordetails_V1_WorkflowExecutionAlreadyStartedFailure.with {
                $0.startRequestID = "s"
                $0.runID = "r"
                $0.firstExecutionRunID = "f"
            }),
        Row(kind: .alreadyExists, code: .alreadyExists),
        Row(kind: .failedPrecondition, code: .failedPrecondition),
        Row(
            kind: .workflowNotReady, code: .failedPrecondition,
            detail: Temporal_Api_Errordetails_V1_WorkflowNotReadyFailure()),
        Row(
            kind: .queryFailed(.with { $0.message = "no" }), code: .invalidArgument,
            detail: Temporal_Api_Errordetails_V1_QueryFailedFailure.with {
                $0.failure.message = "no"
            }),
        Row(
            kind: .permissionDenied(reason: "because"), code: .permissionDenied,
            detail: Temporal_Api_Errordetails_V1_PermissionDeniedFailure.with {
                $0.reason = "because"
            }),
        Row(
            kind: .resourceExhausted(cause: .rpsLimit, scope: .namespace),
            code: .resourceExhausted,
            detail: Temporal_Api_Errordetails_V1_ResourceExhaustedFailure.with {
                $0.cause = .rpsLimit
                $0.scope = .namespace
            }),
        Row(kind: .unimplemented, code: .unimplemented),
        Row(kind: .unavailable, code: .unavailable),
        Row(kind: .shardUnavailable(ShardID(3)), code: .unavailable),
        Row(kind: .deadlineExceeded, code: .deadlineExceeded),
        Row(kind: .cancelled, code: .cancelled),
        Row(kind: .dataLoss, code: .dataLoss),
    ]

    @Test("Code and detail are what SDKs look for", arguments: Self.visible)
    func visibleErrors(row: Row) throws {
        let status = ServiceErrorStatus(ServiceError(row.kind, "what happened"))
        #expect(status.code == row.code)
        #expect(status.message == "what happened")
        #expect(status.hidden == nil)
        guard let detail = row.detail else {
            #expect(status.detail == nil)
            return
        }
        let packed = try #require(status.detail)
        let name = type(of: detail).protoMessageName
        #expect(packed.typeURL == "type.googleapis.com/\(name)")
        #expect(name.hasPrefix("temporal.api.errordetails.v1."))
        let bytes: Data = try detail.serializedBytes()
        #expect(packed.value == bytes)
    }

    static let masked: [any Error & Sendable] = [
        ServiceError(.internalError, "secret"), ServiceError(.taskAlreadyStarted, "secret"),
        ServiceError(.obsoleteTask, "secret"), ServiceError(.stickyWorkerUnavailable, "secret"),
        Unforeseen(text: "secret"),
    ]

    struct Unforeseen: Error { let text: String }

    @Test(
        "What is ours alone is masked, and can be found in the log",
        arguments: Self.masked)
    func maskedErrors(error: any Error & Sendable) throws {
        let status = ServiceErrorStatus(error)
        #expect(status.code == .internalError)
        #expect(!status.message.contains("secret"))
        #expect(
            try #/something went wrong, please retry \([0-9a-f]{8}\)/#
                .wholeMatch(in: status.message) != nil)
        #expect(status.hidden?.contains("secret") == true)
        #expect(status.detail == nil)
    }

    @Test("A long message is cut to 4,000 bytes")
    func longMessage() {
        let status = ServiceErrorStatus(.invalidArgument(String(repeating: "é", count: 3_000)))
        #expect(status.message.utf8.count <= 4_000)
        #expect(status.message.utf8.count > 3_990)
        #expect(status.message.hasSuffix(" ... <truncated>"))
    }

    @Test("A cancelled call and an error of the library keep their codes")
    func otherErrors() {
        #expect(ServiceErrorStatus(CancellationError()).code == .cancelled)
        let error = RPCError(code: .invalidArgument, message: "bytes")
        #expect(ServiceErrorStatus(error).code == .invalidArgument)
        #expect(ServiceErrorStatus(error).message == "bytes")
    }
}
