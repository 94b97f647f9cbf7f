import Glibc
import PersistenceSQL
import Synchronization

/// Stands between a store and its server: counts who waits for whom, and cuts connections at a
/// chosen byte.
final class CuttingProxy: Sendable {
    enum Cut: Sendable, Equatable {
        /// Behind so many bytes of what the store sends next; the server never sees the others.
        case sent(Int)
        /// Behind so many bytes of the server's next answer, once the server has said all of it.
        case answered(Int)
    }

    /// What went through so far.
    struct Traffic: Sendable, Equatable {
        /// How often the store spoke after the server had.
        var turns = 0
        var sentBytes = 0
        var answeredBytes = 0

        static func - (left: Self, right: Self) -> Self {
            Self(
                turns: left.turns - right.turns, sentBytes: left.sentBytes - right.sentBytes,
                answeredBytes: left.answeredBytes - right.answeredBytes)
        }
    }

    private struct State {
        var cut: Cut?
        var traffic = Traffic()
    }

    let port: String
    private let listener: Int32
    private let state = Mutex(State())

    /// Listens on a free port for connections to `server` on this machine.
    init(to server: String) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: 0)
        guard
            Self.call(bind, descriptor, &address) == 0, Glibc.listen(descriptor, 16) == 0,
            let number = Self.port(of: descriptor), let target = UInt16(server)
        else { throw TestDatabaseError(description: "the proxy does not start") }
        self.listener = descriptor
        self.port = "\(number)"
        let proxy = WeakProxy(self)
        startThread { Self.listen(on: descriptor, for: proxy, target) }
    }

    deinit {
        shutdown(self.listener, Int32(SHUT_RDWR))
        close(self.listener)
    }

    var traffic: Traffic { self.state.withLock { $0.traffic } }

    /// Cuts whichever connection is used next; once.
    func arm(_ cut: Cut) { self.state.withLock { $0.cut = cut } }

    /// Whether no cut is waiting any more.
    var hasCut: Bool { self.state.withLock { $0.cut == nil } }

    private static func listen(
        on descriptor: Int32, for proxy: WeakProxy, _ target: UInt16
    ) {
        while true {
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { return }
            startThread { proxy.value?.connect(client, to: target) ?? closeAll([client]) }
        }
    }

    private func connect(_ client: Int32, to port: UInt16) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: port)
        defer { closeAll([client, server]) }
        guard Self.call(Glibc.connect, server, &address) == 0 else { return }
        var on: Int32 = 1
        for descriptor in [client, server] {
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on,
                socklen_t(MemoryLayout<Int32>.size))
        }
        self.pass(client, server)
    }

    /// Passes bytes on until one end hangs up, or the connection is to be cut.
    private func pass(_ client: Int32, _ server: Int32) {
        var isAsking = false
        // Of the current turn.
        var sentCount = 0, answer: [UInt8] = []
        var ends = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&ends, 2, -1) > 0 || errno == EINTR {
            if ends[0].revents != 0 {
                guard let bytes = read(from: client) else { return }
                if !isAsking { (isAsking, sentCount, answer) = (true, 0, []) }
                let limit = self.state.withLock { state -> Int? in
                    if sentCount == 0 { state.traffic.turns += 1 }
                    state.traffic.sentBytes += bytes.count
                    guard case .sent(let limit) = state.cut, sentCount + bytes.count > limit else {
                        return nil
                    }
                    state.cut = nil
                    return limit
                }
                if let limit { return write(bytes.prefix(limit - sentCount), to: server) }
                sentCount += bytes.count
                write(bytes[...], to: server)
            }
            if ends[1].revents != 0 {
                guard let bytes = read(from: server) else { return }
                isAsking = false
                answer += bytes
                let cut = self.state.withLock { state -> Cut? in
                    state.traffic.answeredBytes += bytes.count
                    return state.cut
                }
                if case .answered(let limit) = cut {
                    guard answer.suffix(6) == Self.readyForQuery else { continue }
                    self.state.withLock { $0.cut = nil }
                    return write(answer.prefix(limit), to: client)
                }
                write(bytes[...], to: client)
            }
        }
    }

    /// How the server ends an answer outside of a transaction.
    private static let readyForQuery: [UInt8] = [0x5a, 0, 0, 0, 5, 0x49]

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32,
        _ address: inout sockaddr_in
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func port(of descriptor: Int32) -> UInt16? {
        var address = sockaddr_in(), length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return code == 0 ? UInt16(bigEndian: address.sin_port) : nil
    }
}

/// Lets a proxy end though a thread waits for its connections.
private final class WeakProxy: @unchecked Sendable {
    // Safe because it is set once, before any other thread sees this.
    private(set) weak var value: CuttingProxy?

    init(_ value: CuttingProxy) { self.value = value }
}

private func closeAll(_ descriptors: [Int32]) {
    for descriptor in descriptors { close(descriptor) }
}

/// - Returns: nil at the end.
private func read(from descriptor: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? Array(bytes.prefix(count)) : nil
}

private func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) {
    var rest = bytes
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}
