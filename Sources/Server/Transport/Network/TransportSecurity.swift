import NIOCore
import NIOSSL
import Synchronization

/// TLS of a listener: its certificate, and whose certificates its callers must show, if any.
package struct TransportSecurity: Sendable {
    /// Why TLS cannot be had with what it was given.
    package struct Flaw: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    private let context: NIOSSLContext

    /// - Parameters:
    ///   - certificate: PEM: the listener's own and those it follows from.
    ///   - key: PEM.
    ///   - clientAuthorities: PEM: callers must show a certificate of one of these, if there are any.
    /// - Throws: ``Flaw`` if something of this cannot be read.
    package init(
        certificate: [UInt8], key: [UInt8], clientAuthorities: [[UInt8]]
    ) throws(Flaw) {
        let chain = try Self.read("the certificate") {
            try NIOSSLCertificate.fromPEMBytes(certificate)
        }
        guard !chain.isEmpty else { throw Flaw(description: "there is no certificate") }
        let key = try Self.read("the key") { try NIOSSLPrivateKey(bytes: key, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2"]
        if !clientAuthorities.isEmpty {
            let authorities = try Self.read("a client authority") {
                try clientAuthorities.flatMap { try NIOSSLCertificate.fromPEMBytes($0) }
            }
            configuration.trustRoots = .certificates(authorities)
            configuration.certificateVerification = .noHostnameVerification
        }
        let complete = configuration
        self.context = try Self.read("certificate and key") {
            try NIOSSLContext(configuration: complete)
        }
    }

    private static func read<Value>(
        _ what: String, _ body: () throws -> Value
    ) throws(Flaw) -> Value {
        do {
            return try body()
        } catch {
            // Nothing of a key: what the library says of what it could not read.
            throw Flaw(description: "\(what) cannot be used: \(error)")
        }
    }

    /// Puts TLS in front of everything else of a connection.
    func protect(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandlers([
            NIOSSLServerHandler(context: self.context), CalmClosing(),
        ])
    }
}

/// The TLS of a listener while it listens: what new connections are protected with.
package final class ListenerSecurity: Sendable {
    private let current: Mutex<TransportSecurity>

    package init(_ security: TransportSecurity) { self.current = Mutex(security) }

    /// From now on; connections that are open stay as they are.
    package func replace(with security: TransportSecurity) {
        self.current.withLock { $0 = security }
    }

    func protect(_ channel: any Channel) throws {
        try self.current.withLock { $0 }.protect(channel)
    }
}

/// Keeps how a connection ends from whoever ends it.
///
/// A caller who does not say goodbye makes closing fail, which the library would take for a reason
/// to stop listening.
private final class CalmClosing: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard let promise else { return context.close(mode: mode, promise: nil) }
        let calm = context.eventLoop.makePromise(of: Void.self)
        calm.futureResult.whenComplete { _ in promise.succeed() }
        context.close(mode: mode, promise: calm)
    }
}
