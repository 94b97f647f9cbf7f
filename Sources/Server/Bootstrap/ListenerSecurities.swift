import GRPCTransport
import Logging
import Primitives
import StaticConfiguration
import Synchronization

/// The TLS of all listeners, whose files may be read anew while they listen.
final class ListenerSecurities: Sendable {
    private struct Entry: Sendable {
        var roles: Set<ServiceRole>
        let tls: ServerTLS
        let security: ListenerSecurity
        var contents: TLSContents

        var section: String { self.tls.place.message }
    }

    private let entries: Mutex<[Entry]>
    private let clock: any TimeSource
    private let logger: Logger

    /// Reads everything for the first time.
    init(
        _ sections: [ServiceRole: ServerTLS], clock: any TimeSource, logger: Logger
    ) throws(StartError) {
        var entries: [Entry] = []
        for (role, tls) in sections.sorted(by: { $0.key < $1.key }) {
            if let index = entries.firstIndex(where: { $0.tls == tls }) {
                entries[index].roles.insert(role)
                continue
            }
            let contents = try tls.contents()
            let security = ListenerSecurity(try tls.security(of: contents))
            entries.append(Entry(roles: [role], tls: tls, security: security, contents: contents))
        }
        self.entries = Mutex(entries)
        self.clock = clock
        self.logger = logger
    }

    /// Nil if the listener speaks plain text.
    subscript(_ role: ServiceRole) -> ListenerSecurity? {
        self.entries.withLock { $0.first { $0.roles.contains(role) }?.security }
    }

    /// Refreshes at every interval, until the task is cancelled.
    func run(every interval: Duration) async {
        while true {
            do {
                try await self.clock.sleep(until: self.clock.now() + interval)
            } catch {
                return
            }
            self.refresh()
        }
    }

    /// Takes what has changed; what cannot be used changes nothing, and is tried again next time.
    func refresh() {
        self.entries.withLock { entries in
            for index in entries.indices {
                let entry = entries[index]
                do throws(StartError) {
                    let contents = try entry.tls.contents()
                    guard contents != entry.contents else { continue }
                    entry.security.replace(with: try entry.tls.security(of: contents))
                    entries[index].contents = contents
                    self.logger.info(
                        "certificates have changed", metadata: ["section": "\(entry.section)"])
                } catch {
                    self.logger.warning(
                        "certificates cannot be read anew, those in use stay",
                        metadata: [
                            "section": "\(entry.section)", "reason": "\(error.description)",
                        ])
                }
            }
        }
    }
}
