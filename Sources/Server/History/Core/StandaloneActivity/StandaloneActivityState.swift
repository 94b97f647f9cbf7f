import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Everything the server knows of one run of a standalone activity.
///
/// It has no history: a transition changes the state itself.
package struct StandaloneActivityState: Equatable, Sendable {
    package internal(set) var info = StoredStandaloneActivity()
    /// What it was started with; never changes.
    package internal(set) var request = StoredActivityRequestData()

    init() {}

    package var key: WorkflowKey {
        WorkflowKey(
            archetype: .activity, namespaceID: NamespaceID(self.info.namespaceID),
            workflowID: WorkflowID(self.info.activity.activityID), runID: RunID(self.info.runID))
    }

    package var isRunning: Bool { self.info.status == .running }
    /// Whether an attempt is with a worker.
    package var isStarted: Bool { self.isRunning && self.info.activity.startedAt != 0 }
    /// Whether a caller has asked for its end, and its worker has not answered yet.
    package var isCancelRequested: Bool { self.isRunning && self.info.activity.cancelRequested }

    /// When its first attempt was or will be given to matching.
    var firstDispatchAt: Timestamp {
        Timestamp(nanoseconds: self.info.scheduledAt.after(self.info.startDelayNs))
    }

    /// When it times out whatever happens; nil is never.
    var expiresAt: Timestamp? {
        let timeout = self.info.activity.scheduleToCloseNs
        guard timeout > 0 else { return nil }
        return Timestamp(nanoseconds: self.firstDispatchAt.nanoseconds.after(timeout))
    }
}

// MARK: Deadlines

/// Something that becomes due in a standalone activity.
enum StandaloneActivityDeadline: Equatable, Sendable {
    case attempt(ActivityDeadline)
    case retention
}

extension StandaloneActivityState {
    /// When this run next needs attention; nil is never.
    package var nextDeadline: Timestamp? {
        var earliest: Int64 = .max
        self.forEachDeadline { at, _ in earliest = min(earliest, at) }
        return earliest == .max ? nil : Timestamp(nanoseconds: earliest)
    }

    /// What is due first at `now`; ties go by kind.
    func firstDue(at now: Timestamp) -> StandaloneActivityDeadline? {
        var first: (at: Int64, order: Int, deadline: StandaloneActivityDeadline)?
        self.forEachDeadline { at, deadline in
            guard at <= now.nanoseconds else { return }
            var order = 0
            if case .attempt(let kind) = deadline { order = kind.rawValue }
            if let found = first, (found.at, found.order) <= (at, order) { return }
            first = (at, order, deadline)
        }
        return first?.deadline
    }

    private func forEachDeadline(_ body: (Int64, StandaloneActivityDeadline) -> Void) {
        guard self.isRunning else {
            guard self.info.retentionNs > 0 else { return }
            let closeAt = Timestamp(nanoseconds: self.info.closeAt)
            return body((closeAt + .nanoseconds(self.info.retentionNs)).nanoseconds, .retention)
        }
        self.info.activity.forEachDeadline { at, kind in body(at, .attempt(kind)) }
    }
}

// MARK: Storage

/// The kinds of parts a standalone activity's state is stored in, besides its info.
enum StandaloneActivityItem: Int32 {
    case request = 1

    var key: RunItemKey { RunItemKey(kind: self.rawValue, id: "") }
}

extension StandaloneActivityState {
    /// Reads a stored run.
    ///
    /// - Throws: ``HistoryCorrupted`` if a part cannot be read.
    package init(_ record: RunRecord) throws(HistoryCorrupted) {
        do {
            self.info = try StoredStandaloneActivity(serializedBytes: record.info)
            for (key, bytes) in record.items {
                switch StandaloneActivityItem(rawValue: key.kind) {
                case .request: self.request = try StoredActivityRequestData(serializedBytes: bytes)
                case nil: throw HistoryCorrupted("unknown kind of item \(key.kind)")
                }
            }
        } catch {
            throw HistoryCorrupted("activity \(record.key) cannot be read: \(error)")
        }
    }
}
