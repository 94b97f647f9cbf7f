import Logging
import Metrics
import Primitives

/// What every call goes through, whatever its RPC. From the outside in:
///
/// 1. count it, time it, and log it if the server is at fault,
/// 2. turn what only services say to each other into what a caller may see,
/// 3. who calls, and whether they may (``AccessGate``),
/// 4. namespace: present, of legal length, known, in a state that allows the RPC, and the one the
///    task token is of (``BuiltRPC`` does this with the request at hand),
/// 5. the handler: fields and sizes, then its job (history is asked again while a shard moves).
///
/// Rate limits belong behind 4.
struct CallChain: Sendable {
    private let name: RPCName
    private let requests: Counter
    private let errors: Counter
    private let latency: Metrics.Timer

    init(_ name: RPCName) {
        let dimensions = [("service_name", "frontend"), ("operation", name.method)]
        self.name = name
        self.requests = Counter(label: "service_requests", dimensions: dimensions)
        self.errors = Counter(label: "service_errors", dimensions: dimensions)
        self.latency = Metrics.Timer(label: "service_latency", dimensions: dimensions)
    }

    func run<Response: Sendable>(
        _ service: FrontendService,
        _ body: () async throws(ServiceError) -> Response
    ) async throws(ServiceError) -> Response {
        let startedAt = service.now
        self.requests.increment()
        defer { self.latency.recordNanoseconds((service.now - startedAt).nanoseconds) }
        do throws(ServiceError) {
            return try await body()
        } catch {
            self.errors.increment()
            let visible = Self.visible(error)
            if visible.isServersFault {
                service.logger.error(
                    "call failed",
                    metadata: [
                        "operation": "\(self.name.method)", "error": "\(visible.message)",
                    ])
            }
            throw visible
        }
    }

    /// What a caller sees of an error.
    static func visible(_ error: ServiceError) -> ServiceError {
        switch error.kind {
        case .shardUnavailable:
            .unavailable("shard is moving, please retry")
        case .taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable:
            ServiceError(.internalError, "an answer between services reached the frontend")
        case .invalidArgument, .notFound, .namespaceNotFound, .namespaceAlreadyExists,
            .namespaceInvalidState, .workflowExecutionAlreadyStarted,
            .activityExecutionAlreadyStarted, .alreadyExists,
            .failedPrecondition, .workflowNotReady, .queryFailed, .permissionDenied,
            .resourceExhausted, .multiOperation, .aborted, .unimplemented, .unavailable,
            .deadlineExceeded, .cancelled,
            .dataLoss, .internalError:
            error
        }
    }
}

extension ServiceError {
    /// Whether somebody who runs the server should look at this.
    var isServersFault: Bool {
        switch self.kind {
        case .internalError, .dataLoss: true
        case .invalidArgument, .notFound, .namespaceNotFound, .namespaceAlreadyExists,
            .namespaceInvalidState, .workflowExecutionAlreadyStarted,
            .activityExecutionAlreadyStarted, .alreadyExists,
            .failedPrecondition, .workflowNotReady, .queryFailed, .permissionDenied,
            .resourceExhausted, .multiOperation, .aborted, .unimplemented, .unavailable,
            .deadlineExceeded, .cancelled,
            .shardUnavailable, .taskAlreadyStarted, .obsoleteTask, .stickyWorkerUnavailable:
            false
        }
    }
}
