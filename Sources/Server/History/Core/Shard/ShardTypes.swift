import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// What a shard is told; facts.
    package enum Input: Sendable {
        case rangeAcquired(RangeID)
        case acquisitionFailed(StoreError)
        /// A page of stored tasks; the last one if it has fewer rows than were asked for.
        /// What was read under an earlier range is stale; that holds for all reads.
        case tasksLoaded(RangeID, Result<[HistoryTaskRow], StoreError>)
        case timersLoaded(RangeID, Result<[TimerRow], StoreError>)
        case requestArrived(RequestID, HistoryRequest)
        case requestCanceled(RequestID)
        case runLoaded(RangeID, WorkflowAddress, RunID?, Result<RunRecord?, StoreError>)
        /// The batches a reset asked for; they need not reach the end of the range.
        case historyRead(RangeID, RequestID, WorkflowKey, Result<[HistoryNode], StoreError>)
        /// The outcome of the batch in flight; nil is success.
        case batchCommitted(BatchID, StoreError?)
        case taskHandedOver(taskID: Int64, ServiceError?)
        case offered(TaskDispatch, ServiceError?)
        /// What became of a request that a task sent to another run.
        case requestAnswered(taskID: Int64, Result<HistoryReply, ServiceError>)
        /// Events a task asked for.
        case eventsRead(taskID: Int64, Result<[HistoryEvent], ServiceError>)
        case callbackAnswered(RangeID, taskID: Int64, CallbackOutcome)
        case queryAnswered(
            QueryID, Result<Temporal_Api_Workflowservice_V1_QueryWorkflowResponse, ServiceError>)
        case tick
        case stopped
    }

    /// What a shard asks for; imperatives.
    package enum Effect: Sendable {
        case acquireRange
        case loadTasks(after: Int64, countMax: Int)
        case loadTimers(after: TimerRow?, countMax: Int)
        case loadRun(WorkflowAddress, RunID?)
        /// Read the batches of a run that overlap a range, for a reset to go on with.
        case readHistory(RequestID, WorkflowKey, Range<Int64>, eventsMax: Int)
        case commit(BatchID, ShardBatch)
        case reply(RequestID, Result<HistoryReply, ServiceError>)
        /// Read the events first, put them into the reply, then send it.
        case replyWithHistory(RequestID, HistoryReply, HistoryFetch)
        case handOver(taskID: Int64, TaskDispatch)
        /// Hand a workflow task to matching of which nothing is stored.
        case offer(TaskDispatch)
        /// Send a task's request to the shard of its workflow, which may be this one.
        case send(taskID: Int64, HistoryRequest)
        /// As `send`, to a run of another namespace, which must be looked up first.
        case sendAcross(taskID: Int64, HistoryRequest)
        /// Read events that a task needs.
        case readEvents(taskID: Int64, HistoryFetch)
        /// Make one attempt to tell a receiver of the end of a run.
        case deliverCallback(taskID: Int64, CallbackDelivery)
        /// Read the events if there are any to read, then ask a worker.
        case dispatchQuery(QueryID, QueryDispatch, HistoryFetch?)
        case cancelQuery(QueryID)
        /// Something an operator should know of.
        case report(Report)
    }

    package struct RequestID: Hashable, Comparable, Sendable {
        package let rawValue: UInt64
        package init(_ rawValue: UInt64) { self.rawValue = rawValue }
        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package struct BatchID: Hashable, Comparable, Sendable {
        package let rawValue: UInt64
        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package struct QueryID: Hashable, Comparable, Sendable {
        package let rawValue: UInt64
        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Report: Sendable, Equatable {
        /// All memory was dropped and the range is acquired anew.
        case reloading(because: String)
        case runCorrupt(WorkflowKey, String)
        case taskUnreadable(Int64, String)
        /// A run has grown past a limit that only warns.
        case runLarge(WorkflowKey, String)
    }

    /// Figures a test or an operator reads.
    package struct Counters: Sendable, Equatable {
        /// State transitions that wrote something.
        package var transitions = 0
        /// Batches that carried at least one transition.
        package var transitionCommits = 0
        /// Batches that only removed finished tasks.
        package var maintenanceCommits = 0
        package var runLoads = 0
        package var timerLoads = 0
        package var cachedRuns = 0
        package var cachedBytes = 0
    }
}

/// A page of history to be read from the store.
package struct HistoryFetch: Sendable {
    package let key: WorkflowKey
    package let events: Range<Int64>
    package let eventsMax: Int
    /// Appended when the page reaches the end of `events`.
    package let suffix: [HistoryEvent]
    /// What the caller brings back for the next page.
    package let token: StoredHistoryPageToken
    /// Whether a token is given even when the page reaches the end: the caller will wait there.
    package let continuesAtEnd: Bool
    /// Whether the page goes from the last event of `events` to the first.
    package var isReversed = false

    /// Makes the page from events that begin with the first one asked for.
    package func page(_ read: [HistoryEvent]) -> HistoryPage {
        var events: [HistoryEvent] = []
        for event in read where self.events.contains(event.eventID) { events.append(event) }
        if self.isReversed {
            let isFirst = self.events.lowerBound <= 1
            return HistoryPage(events: events.reversed(), nextPageToken: isFirst ? nil : self.token)
        }
        let next = (events.last?.eventID).map { $0 + 1 } ?? self.events.lowerBound
        var token = self.token
        token.nextEventID = next
        if next < self.events.upperBound {
            return HistoryPage(events: events, nextPageToken: token)
        }
        return HistoryPage(
            events: events + self.suffix, nextPageToken: self.continuesAtEnd ? token : nil)
    }
}

/// A page of history as a caller gets it.
package struct HistoryPage: Sendable {
    package let events: [HistoryEvent]
    package let nextPageToken: StoredHistoryPageToken?
}

extension HistoryFetch {
    /// One event, for the server's own use.
    init(_ eventID: Int64, of key: WorkflowKey) {
        self.init(
            key: key, events: eventID..<(eventID + 1), eventsMax: 1, suffix: [], token: .init(),
            continuesAtEnd: false)
    }

    /// The events in stored batches, in order and without gaps.
    /// - Throws: ``HistoryCorrupted`` if a batch cannot be read or one is missing.
    package func events(of nodes: [HistoryNode]) throws(HistoryCorrupted) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        var expected: Int64?
        for node in nodes {
            let batch: Temporal_Api_History_V1_History
            do { batch = try .init(serializedBytes: node.events) } catch {
                throw HistoryCorrupted("batch \(node.firstEventID) of \(node.key) cannot be read")
            }
            for event in batch.events {
                guard event.eventID == expected ?? event.eventID else {
                    throw HistoryCorrupted("event \(expected ?? 0) of \(node.key) is missing")
                }
                expected = event.eventID + 1
                events.append(event)
            }
        }
        guard let first = events.first, first.eventID <= self.events.lowerBound else {
            throw HistoryCorrupted("event \(self.events.lowerBound) of \(self.key) is missing")
        }
        return events
    }
}
