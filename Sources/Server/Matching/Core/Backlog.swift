import Persistence
import Primitives

/// The tasks of a queue that are durable: a window of them in memory, the rest in the store.
///
/// Rows enter in the order of their ids, leave by priority and then by id, and finish in any order.
package struct Backlog: Sendable {
    package struct Entry: Equatable, Sendable {
        package let id: Int64
        package let task: MatchingTask
        /// Starts history could not record, so far.
        package var failedStarts = 0
        /// Of the start that failed last: if it was recorded after all, history answers it again.
        package var startRequestID: String?

        package init(
            id: Int64, task: MatchingTask, failedStarts: Int = 0, startRequestID: String? = nil
        ) {
            self.id = id
            self.task = task
            self.failedStarts = failedStarts
            self.startRequestID = startRequestID
        }
    }

    package enum ReadState: Equatable, Sendable {
        /// Memory holds all there is.
        case complete
        /// The store may hold rows above the read level.
        case unread
        /// Those rows were asked for.
        case reading
    }

    private let windowMax: Int
    private var window: [TaskPriority: SortedQueue<Int64, Entry>] = [:]
    private var delayed: [Int64: Entry] = [:]
    private var tracker = AckLevelTracker(level: 0)
    /// The last row this lease wrote.
    private var writtenLevel: Int64 = 0
    /// Rows this lease wrote that are not read yet.
    private var unreadCount = 0
    package private(set) var windowCount = 0
    package private(set) var readState = ReadState.complete
    /// Goes up when memory is dropped: what was asked for before is answered to nobody.
    package private(set) var generation = 0
    /// Tasks done since the store was last told.
    package private(set) var doneCount = 0
    /// Up to here the store has forgotten the rows.
    package private(set) var completedLevel: Int64 = 0

    package init(windowMax: Int) {
        self.windowMax = max(windowMax, 1)
    }

    package var readLevel: Int64 { self.tracker.readLevel }
    package var ackLevel: Int64 { self.tracker.ackLevel }
    package var hasUnread: Bool { self.readState != .complete }
    /// Whether every task is done or being started.
    package var isEmpty: Bool {
        self.windowCount == 0 && self.delayed.isEmpty && !self.hasUnread
    }
    /// About how many tasks wait.
    package var count: Int64 {
        let unread = self.hasUnread ? max(self.unreadCount, 1) : 0
        return Int64(self.windowCount + self.delayed.count + unread)
    }
    /// Since when the oldest task in memory waits for a poll.
    package var oldestAt: Timestamp? {
        self.window.values.compactMap { $0.first?.task.createdAt }.min()
    }
    /// How many rows to ask for next; 0 while the window is filled well enough.
    package var readCountMax: Int {
        let kept = max(self.windowCount + self.delayed.count, self.tracker.outstandingCount)
        guard self.readState == .unread, kept <= self.windowMax / 2 else { return 0 }
        return self.windowMax - kept
    }

    /// Forgets everything; the rows stay in the store.
    /// - Returns: the ids that were in memory, ascending.
    package mutating func reset(to ackLevel: Int64, hasUnread: Bool) -> [Int64] {
        let ids = self.window.values.flatMap { Array($0.sortedKeys) } + self.delayed.keys
        self.window.removeAll()
        self.delayed.removeAll()
        self.windowCount = 0
        self.tracker = AckLevelTracker(level: ackLevel)
        self.completedLevel = ackLevel
        self.writtenLevel = ackLevel
        self.unreadCount = 0
        self.doneCount = 0
        self.readState = hasUnread ? .unread : .complete
        self.generation += 1
        return ids.sorted()
    }

    /// Rows became durable.
    /// - Returns: those that entered memory; the others are read later, in their turn.
    package mutating func appended(_ entries: [Entry]) -> [Entry] {
        var entered: [Entry] = []
        for entry in entries {
            self.writtenLevel = max(self.writtenLevel, entry.id)
            // A read that ran at the same time may have seen the row already.
            guard entry.id > self.tracker.readLevel else { continue }
            guard !self.hasUnread, self.windowCount < self.windowMax else {
                self.unreadCount += 1
                if self.readState == .complete { self.readState = .unread }
                continue
            }
            self.tracker.read(entry.id)
            entered.append(entry)
        }
        return entered
    }

    package mutating func startReading() {
        invariant(self.readState == .unread, "a backlog read starts while \(self.readState)")
        self.readState = .reading
    }

    package mutating func readFailed() {
        if self.readState == .reading { self.readState = .unread }
    }

    /// Rows came back: the next ones after the read level, `isLast` if there were no more.
    package mutating func read(ids: [Int64], isLast: Bool) {
        invariant(self.readState == .reading, "backlog rows nobody asked for")
        for id in ids { self.tracker.read(id) }
        self.unreadCount = max(0, self.unreadCount - ids.count)
        let isComplete = isLast && self.writtenLevel <= self.tracker.readLevel
        self.readState = isComplete ? .complete : .unread
        if isComplete { self.unreadCount = 0 }
    }

    /// Lets a task wait for a poll, where its id belongs.
    package mutating func insert(_ entry: Entry) {
        self.window[entry.task.priority, default: SortedQueue()].insert(entry, for: entry.id)
        self.windowCount += 1
    }

    /// Takes the next task out.
    package mutating func popFirst() -> Entry? {
        for key in TaskPriority.all {
            if let next = self.window[TaskPriority(key: key)]?.popFirst() {
                self.windowCount -= 1
                return next.value
            }
        }
        return nil
    }

    /// Takes a task out that waits for a poll; nil if it does not.
    package mutating func remove(_ id: Int64) -> Entry? {
        for key in TaskPriority.all {
            if let entry = self.window[TaskPriority(key: key)]?.remove(id) {
                self.windowCount -= 1
                return entry
            }
        }
        return nil
    }

    /// Keeps a task back until ``removeDelayed(_:)``.
    package mutating func delay(_ entry: Entry) { self.delayed[entry.id] = entry }

    package mutating func removeDelayed(_ id: Int64) -> Entry? {
        self.delayed.removeValue(forKey: id)
    }

    /// A task is done: started, or nobody's.
    package mutating func complete(_ id: Int64) {
        self.tracker.complete(id)
        self.doneCount += 1
    }

    /// The store is told to forget what is done up to now.
    package mutating func startCompleting() { self.doneCount = 0 }

    /// The store forgot the rows up to `level`.
    package mutating func completed(through level: Int64) {
        self.completedLevel = max(self.completedLevel, level)
    }
}
