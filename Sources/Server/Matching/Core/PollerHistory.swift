import Primitives
import ServiceClients

/// Who polled a queue lately: worker identities and when each was last seen.
package struct PollerHistory: Sendable {
    private struct Entry {
        var lastAccessAt: Timestamp
        var tasksPerSecondMax: Double
    }

    private let timeToLive: Duration
    private let countMax: Int
    private var entries: [String: Entry] = [:]
    private var pruneAtCount = 16
    private var lastPollAt: Timestamp?

    package init(timeToLive: Duration, countMax: Int) {
        self.timeToLive = timeToLive
        self.countMax = max(countMax, 1)
    }

    package var count: Int { self.entries.count }

    /// A poll arrived.
    package mutating func record(
        _ identity: String, tasksPerSecondMax: Double?, now: Timestamp
    ) {
        self.lastPollAt = now
        guard !identity.isEmpty else { return }
        if self.entries[identity] == nil { self.makeRoom(now) }
        self.entries[identity] = Entry(
            lastAccessAt: now, tasksPerSecondMax: tasksPerSecondMax ?? 0)
    }

    /// A poll ended: its worker was there until now, unless it was forgotten meanwhile.
    package mutating func touch(_ identity: String, now: Timestamp) {
        guard self.lastPollAt != nil else { return }
        self.lastPollAt = now
        self.entries[identity]?.lastAccessAt = now
    }

    /// Forgets everybody: the queue's worker said goodbye.
    package mutating func removeAll() {
        self.entries.removeAll()
        self.lastPollAt = nil
    }

    /// Whether somebody polled within the last `window`; waiting polls are the caller's to count.
    package func isPolled(within window: Duration, now: Timestamp) -> Bool {
        self.lastPollAt.map { now - $0 <= window } ?? false
    }

    /// Those seen within the time to live, newest first.
    package func pollers(_ now: Timestamp) -> [TaskQueueDescription.Poller] {
        self.entries
            .filter { now - $0.value.lastAccessAt <= self.timeToLive }
            .map {
                TaskQueueDescription.Poller(
                    identity: $0.key, lastAccessAt: $0.value.lastAccessAt,
                    tasksPerSecondMax: $0.value.tasksPerSecondMax)
            }
            .sorted { ($1.lastAccessAt, $0.identity) < ($0.lastAccessAt, $1.identity) }
    }

    private mutating func makeRoom(_ now: Timestamp) {
        guard self.entries.count >= min(self.pruneAtCount, self.countMax) else { return }
        self.entries = self.entries.filter { now - $0.value.lastAccessAt <= self.timeToLive }
        if self.entries.count >= self.countMax {
            let oldest = self.entries.min {
                ($0.value.lastAccessAt, $0.key) < ($1.value.lastAccessAt, $1.key)
            }
            if let oldest { self.entries[oldest.key] = nil }
        }
        self.pruneAtCount = max(16, self.entries.count * 2)
    }
}
