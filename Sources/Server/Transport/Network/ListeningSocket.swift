import Glibc

/// Where a listener accepts connections.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 address in its usual notation.
    package let ip: String
    /// 0 lets the system choose one.
    package let port: Int

    package init(ip: String, port: Int) {
        self.ip = ip
        self.port = port
    }

    package var description: String {
        self.ip.contains(":") ? "[\(self.ip)]:\(self.port)" : "\(self.ip):\(self.port)"
    }
}

/// Why a port cannot be listened on; for the person who starts the server.
package enum ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    case inUse(ListenAddress)
    case notPermitted(ListenAddress)
    case notAnAddress(String)
    /// The machine has no such address.
    case addressUnavailable(ListenAddress)
    case failed(ListenAddress, reason: String)

    package var description: String {
        switch self {
        case .inUse(let address):
            "cannot listen on \(address): the port is in use by another process"
        case .notPermitted(let address):
            "cannot listen on \(address): permission denied"
        case .notAnAddress(let text):
            "cannot listen on \"\(text)\": it is not an IPv4 or IPv6 address"
        case .addressUnavailable(let address):
            "cannot listen on \(address): this machine does not have that address"
        case .failed(let address, let reason):
            "cannot listen on \(address): \(reason)"
        }
    }

    init(errorNumber: Int32, address: ListenAddress) {
        self =
            switch errorNumber {
            case EADDRINUSE: .inUse(address)
            case EACCES, EPERM: .notPermitted(address)
            case EADDRNOTAVAIL: .addressUnavailable(address)
            default: .failed(address, reason: String(cString: strerror(errorNumber)))
            }
    }
}

/// A socket that has its port and queues connections until somebody accepts them.
///
/// Ports are taken before anything else at start: a port in use is found out before a database is
/// touched, and callers who come early wait instead of being refused.
package struct ListeningSocket: Sendable {
    /// With the port that was chosen.
    package let address: ListenAddress
    /// Whoever accepts on it closes it.
    let descriptor: Int32

    /// Connections that may wait to be accepted.
    private static let backlogMax: Int32 = 1_024

    package static func open(_ address: ListenAddress) throws(ListenError) -> ListeningSocket {
        guard let wanted = SocketName(address) else { throw .notAnAddress(address.ip) }
        let descriptor = socket(
            wanted.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ListenError(errorNumber: errno, address: address) }
        var one: Int32 = 1
        setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard wanted.bind(descriptor) == 0, listen(descriptor, Self.backlogMax) == 0 else {
            let errorNumber = errno
            Glibc.close(descriptor)
            throw ListenError(errorNumber: errorNumber, address: address)
        }
        let port = SocketName.localPort(of: descriptor) ?? address.port
        return ListeningSocket(
            address: ListenAddress(ip: address.ip, port: port), descriptor: descriptor)
    }

    /// Gives the port back, if nobody accepts on it yet.
    package func close() { Glibc.close(self.descriptor) }
}

/// An address in the form sockets take.
private enum SocketName {
    case v4(sockaddr_in)
    case v6(sockaddr_in6)

    init?(_ address: ListenAddress) {
        let port = in_port_t(truncatingIfNeeded: address.port).bigEndian
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if inet_pton(AF_INET, address.ip, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port
            self = .v4(v4)
        } else if inet_pton(AF_INET6, address.ip, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port
            self = .v6(v6)
        } else {
            return nil
        }
    }

    var family: Int32 {
        switch self {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    func bind(_ descriptor: Int32) -> Int32 {
        switch self {
        case .v4(let name): Self.bind(descriptor, name)
        case .v6(let name): Self.bind(descriptor, name)
        }
    }

    private static func bind<Name>(_ descriptor: Int32, _ name: Name) -> Int32 {
        withUnsafeBytes(of: name) { bytes in
            guard let start = bytes.baseAddress else { return -1 }
            return Glibc.bind(
                descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    static func localPort(of descriptor: Int32) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        guard code == 0 else { return nil }
        // The port is at the same place in both families' names.
        return withUnsafeBytes(of: storage) {
            Int(in_port_t(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: in_port_t.self)))
        }
    }
}
