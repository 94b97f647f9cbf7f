import Frontend
import GRPCCore
import GRPCNIOTransportHTTP2
import Primitives

typealias WireBytes = GRPCNIOTransportBytes
typealias RequestParts = RPCAsyncSequence<RPCRequestPart<WireBytes>, any Error>
typealias CallStream = RPCStream<RequestParts, RPCWriter<RPCResponsePart<WireBytes>>.Closable>

extension RequestParts.AsyncIterator where Element == RPCRequestPart<WireBytes> {
    /// What the caller sends next, or nil at the end of it.
    ///
    /// Whatever goes wrong here is between the caller and the network.
    mutating func nextPart() async throws -> RPCRequestPart<WireBytes>? {
        do {
            return try await self.next(isolation: nil)
        } catch let error as RPCError {
            throw error
        } catch {
            throw RPCError(code: .cancelled, message: "the request ended before it was complete")
        }
    }
}

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
    /// Whom to let in to what is not the frontend's; nil lets in everybody.
    let gate: AccessGate?

    package init(gate: AccessGate? = nil) { self.gate = gate }

    /// The RPCs that have a route, sorted by service and name.
    package var rpcs: [RPCName] {
        self.routes.keys.sorted { ($0.service, $0.method) < ($1.service, $1.method) }
    }

    mutating func add(_ rpc: RPCName, _ route: some Route) { self.routes[rpc] = route }

    func route(_ descriptor: MethodDescriptor) -> any Route {
        let rpc = RPCName(
            service: descriptor.service.fullyQualifiedService, method: descriptor.method)
        return self.routes[rpc] ?? UnbuiltRoute(rpc: rpc, gate: self.gate)
    }
}
