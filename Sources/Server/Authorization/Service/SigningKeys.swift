import FoundationEssentials
import JWTKit
import Logging
import Primitives
import ServiceClients
import Synchronization

/// Where a set of keys is published.
package protocol KeySetSource: Sendable {
    /// For operators.
    var place: String { get }

    /// The set, as JSON.
    func read(timeout: Duration) async throws(OutsideFailure) -> [UInt8]
}

/// A set that is published over HTTP.
package struct HTTPKeySetSource: KeySetSource {
    package let place: String
    private let exchange: any HTTPExchange

    package init(url: String, exchange: any HTTPExchange) {
        self.place = url
        self.exchange = exchange
    }

    package func read(timeout: Duration) async throws(OutsideFailure) -> [UInt8] {
        let request = OutgoingRequest(
            url: self.place, headers: [.init("accept", "application/json")])
        switch await self.exchange.answer(to: request, timeout: timeout) {
        case .answered(let answer) where answer.status == 200: return answer.body
        case .answered(let answer): throw .refused(status: answer.status, reason: "")
        case .timedOut: throw .timedOut
        case .failed(let reason): throw .unreachable(reason: reason)
        }
    }
}

/// A public key, for the one algorithm it is for.
struct SigningKey: Sendable {
    let algorithm: String
    private let key: any JWTAlgorithm

    /// What signatures may be made with: nothing that shares a secret with its callers.
    private static let algorithms: Set<String> = [
        "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
    ]

    /// Nil if the key is of no use here.
    init?(_ jwk: JWK, kid: JWKIdentifier) async {
        guard let algorithm = Self.algorithm(of: jwk), Self.algorithms.contains(algorithm),
            let collection = try? await JWTKeyCollection().add(jwk: jwk),
            let key = try? await collection.getKey(for: kid, alg: algorithm)
        else { return nil }
        self.algorithm = algorithm
        self.key = key
    }

    /// Keys that do not say so are for the usual algorithm of their kind.
    private static func algorithm(of jwk: JWK) -> String? {
        if let algorithm = jwk.algorithm { return algorithm.rawValue }
        switch (jwk.keyType, jwk.curve?.rawValue) {
        case (.rsa, _): return "RS256"
        case (.ecdsa, "P-256"): return "ES256"
        case (.ecdsa, "P-384"): return "ES384"
        case (.ecdsa, "P-521"): return "ES512"
        default: return nil
        }
    }

    func verifies(_ signature: Data, of text: Data) -> Bool {
        (try? self.key.verify(signature, signs: text)) ?? false
    }
}

/// The keys tokens are signed with, read anew from time to time.
package final class SigningKeys: Sendable {
    private struct KeySet: Sendable {
        let bytes: [UInt8]
        let keys: [String: SigningKey]
    }

    /// Of one source; what takes longer is tried again at the next interval.
    private static let readTimeMax = Duration.seconds(5)

    private let sources: [any KeySetSource]
    private let interval: Duration
    private let clock: any TimeSource
    private let logger: Logger
    /// By source; nil for one that was never read.
    private let sets: Mutex<[KeySet?]>

    package init(
        sources: [any KeySetSource], interval: Duration, clock: any TimeSource, logger: Logger
    ) {
        self.sources = sources
        self.interval = interval
        self.clock = clock
        self.logger = logger
        self.sets = Mutex(Array(repeating: nil, count: sources.count))
    }

    /// Whether every source was read at least once.
    var areComplete: Bool { self.sets.withLock { $0.allSatisfy { $0 != nil } } }

    func key(named kid: String) -> SigningKey? {
        self.sets.withLock { sets in
            for set in sets { if let key = set?.keys[kid] { return key } }
            return nil
        }
    }

    /// Reads every source; a source that cannot be read keeps its keys.
    /// - Returns: whether any keys are others now.
    package func refresh() async -> Bool {
        var hasChanged = false
        for (index, source) in self.sources.enumerated() {
            do throws(OutsideFailure) {
                let bytes = try await source.read(timeout: min(self.interval, Self.readTimeMax))
                guard self.sets.withLock({ $0[index]?.bytes }) != bytes else { continue }
                let keys = try await Self.keys(in: bytes)
                self.sets.withLock { $0[index] = KeySet(bytes: bytes, keys: keys) }
                hasChanged = true
            } catch {
                self.logger.warning(
                    "keys cannot be read, those known stay",
                    metadata: ["source": "\(source.place)", "reason": "\(error.summary)"])
            }
        }
        return hasChanged
    }

    /// Refreshes at every interval, until the task is cancelled.
    package func run(onChange: @Sendable () -> Void) async {
        while true {
            do {
                try await self.clock.sleep(until: self.clock.now() + self.interval)
            } catch {
                return
            }
            if await self.refresh() { onChange() }
        }
    }

    private struct Document: Decodable {
        /// One that cannot be read is no reason to do without the others.
        struct Entry: Decodable {
            let jwk: JWK?
            init(from decoder: any Decoder) throws { self.jwk = try? JWK(from: decoder) }
        }
        let keys: [Entry]
    }

    private static func keys(
        in bytes: [UInt8]
    ) async throws(OutsideFailure) -> [String: SigningKey] {
        var keys: [String: SigningKey] = [:]
        for jwk in try Document.read(bytes).keys.compactMap(\.jwk) {
            guard let kid = jwk.keyIdentifier else { continue }
            keys[kid.string] = await SigningKey(jwk, kid: kid)
        }
        return keys
    }
}
