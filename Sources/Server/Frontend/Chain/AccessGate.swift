import Authorization
import Logging
import Metrics
import Primitives
import ServiceClients
import Synchronization

/// Lets callers in who may do what they ask for, and nobody else.
///
/// Whoever may not is told so in one way, whatever the reason; the reason is logged, with the
/// principal and never with the token.
package final class AccessGate: Sendable {
    private let authenticator: any Authenticator
    private let policy: AccessPolicy
    private let clock: any TimeSource
    private let logger: Logger
    private let entries = Mutex(EntryAllowance())
    /// What is counted for each RPC of the table, and for all others together.
    private let denials: [RPCName: Counter]
    private let otherDenials: Counter

    /// Bytes of a namespace's name that are logged.
    private static let namespaceSizeMax = 200

    package init(
        authenticator: any Authenticator, policy: AccessPolicy, clock: any TimeSource,
        logger: Logger = Logger(label: "temporal.authorization")
    ) {
        self.authenticator = authenticator
        self.policy = policy
        self.clock = clock
        self.logger = logger
        self.denials = AccessTable.requirements.reduce(into: [:]) { counters, entry in
            counters[entry.key] = Self.counter(of: entry.key.method)
        }
        self.otherDenials = Self.counter(of: "unknown")
    }

    private static func counter(of operation: String) -> Counter {
        Counter(
            label: "service_errors_unauthorized",
            dimensions: [("service_name", "frontend"), ("operation", operation)])
    }

    /// Lets a caller in, or throws.
    ///
    /// - Parameters:
    ///   - rpc: what is called.
    ///   - headers: the caller's.
    ///   - namespace: the name of the namespace the request names, or an empty one.
    ///   - find: asked for that name once the caller is known, if the request has an id instead.
    /// - Returns: who it is.
    /// - Throws: `permissionDenied`; `unavailable` if it cannot be found out who calls.
    package func admit(
        _ rpc: RPCName, headers: [String: String], namespace: String = "",
        find: () async throws(ServiceError) -> String = { () async throws(ServiceError) in "" }
    ) async throws(ServiceError) -> Caller {
        switch AccessTable.requirement(of: rpc) {
        case .nothing: return Caller(Identity(principal: "", claims: Claims()), under: self.policy)
        case nil: throw self.denial(of: rpc, in: namespace, "nobody may call this")
        case .membership, .access: break
        }
        switch try await self.authenticator.verdict(onHeader: headers["authorization"]) {
        case .refused(let doubt): throw self.denial(of: rpc, in: namespace, doubt.rawValue)
        case .believed(let identity, _):
            let caller = Caller(identity, under: self.policy)
            let namespace = namespace.isEmpty ? try await find() : namespace
            guard caller.may(rpc, in: namespace) else {
                throw self.denial(of: rpc, in: namespace, "no role allows it", caller)
            }
            return caller
        }
    }

    /// What somebody gets who may not, after it was counted and logged.
    func denial(
        of rpc: RPCName, in namespace: String, _ reason: String, _ caller: Caller? = nil
    ) -> ServiceError {
        (self.denials[rpc] ?? self.otherDenials).increment()
        if let passedOver = self.entries.withLock({ $0.take(now: self.clock.now()) }) {
            let name = String(decoding: namespace.utf8.prefix(Self.namespaceSizeMax), as: UTF8.self)
            var metadata: Logger.Metadata = [
                "operation": "\(rpc.method)", "namespace": "\(name)", "reason": "\(reason)",
            ]
            if let caller { metadata["principal"] = "\(caller.principal)" }
            if passedOver > 0 { metadata["passed_over"] = "\(passedOver)" }
            self.logger.info("call denied", metadata: metadata)
        }
        return ServiceError(.permissionDenied(reason: ""), "Request unauthorized.")
    }
}

/// The namespace a call is about, as far as its request says.
struct CallTarget: Sendable {
    let namespace: String
    /// Says it where there is no name.
    var id: NamespaceID?

    static let cluster = CallTarget(namespace: "")
}

extension FrontendService {
    /// Lets a caller in, or throws; whoever comes through the internal frontend is not asked.
    func admit(
        _ context: CallContext, to rpc: RPCName, _ target: CallTarget
    ) async throws(ServiceError) -> Caller {
        guard let gate = self.gate, context.role == .publicFrontend else { return .unasked }
        return try await gate.admit(rpc, headers: context.metadata, namespace: target.namespace) {
            () async throws(ServiceError) -> String in
            guard let id = target.id, isUUID(id.rawValue) else { return "" }
            do throws(ServiceError) {
                return try await self.namespaces.namespace(id: id).name
            } catch {
                guard case .namespaceNotFound = error.kind else { throw error }
                return ""
            }
        }
    }

    /// Throws unless the caller may do this in another namespace than the call's own.
    func demand(
        _ access: Access, in namespace: String, of rpc: RPCName, _ context: CallContext
    ) throws(ServiceError) {
        guard let gate = self.gate, !context.caller.may(access, in: namespace) else { return }
        throw gate.denial(of: rpc, in: namespace, "no role in the other namespace", context.caller)
    }
}
