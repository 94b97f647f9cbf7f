import Frontend
import GRPCCore
import GRPCNIOTransportHTTP2

typealias WireBytes = GRPCNIOTransportBytes
typealias CallStream = RPCStream<
    RPCAsyncSequence<RPCRequestPart<WireBytes>, any Error>,
    RPCWriter<RPCResponsePart<WireBytes>>.Closable
>

/// How the calls of one RPC are answered.
protocol Route: Sendable {
    /// Reads what the caller sends and answers it.
    /// - Returns: the reply, if it has not been written already.
    /// - Throws: what the call's status is made from.
    func answer(_ stream: CallStream, _ drain: Drain) async throws -> WireBytes?
}

/// The RPCs a listener answers.
///
/// All others get `UNIMPLEMENTED`.
package struct CallTable: Sendable {
    private var routes: [RPCName: any Route] = [:]

    package init() {}

    /// The RPCs that have a route, sorted by service and name.
    package var rpcs: [RPCName] {
        self.routes.keys.sorted { ($0.service, $0.method) < ($1.service, $1.method) }
    }

    mutating func add(_ rpc: RPCName, _ route: some Route) { self.routes[rpc] = route }

    func route(_ descriptor: MethodDescriptor) -> (any Route)? {
        self.routes[
            RPCName(
                service: descriptor.service.fullyQualifiedService, method: descriptor.method)]
    }
}
