import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

/// What a reset has read of the histories it needs: the run it goes back in, and the runs that
/// continued it.
struct ResetReading: Sendable {
    /// Where to fork: the first event that is not taken over.
    let point: Int64
    /// The run that is reset.
    let base: RunID
    /// Runs that do not exist; nil stands for a current one.
    var missing: Set<RunID?> = []
    /// The batches of the base run up to the point.
    private(set) var batches: [[HistoryEvent]] = []
    /// What came later and may count for the new run, in order.
    private(set) var later: [HistoryEvent] = []
    /// The run being read, or read last.
    private(set) var runID: RunID
    /// The first of its events that is not read yet.
    private(set) var nextEventID: Int64 = 1
    /// The run it continued as, if its last event says so.
    private(set) var continuation: RunID?

    init(base: RunID, point: Int64) {
        self.base = base
        self.point = point
        self.runID = base
    }

    /// Takes stored batches in; what is known already is skipped.
    /// - Throws: ``HistoryCorrupted`` if one cannot be read or does not follow.
    mutating func take(_ nodes: [HistoryNode], of run: RunID) throws(HistoryCorrupted) {
        guard run == self.runID else { return }
        let before = self.nextEventID
        for node in nodes {
            let batch: [HistoryEvent]
            do {
                batch = try Temporal_Api_History_V1_History(serializedBytes: node.events).events
            } catch {
                throw HistoryCorrupted("batch \(node.firstEventID) of \(node.key) cannot be read")
            }
            let new = batch.filter { $0.eventID >= self.nextEventID }
            guard let first = new.first, let last = new.last else { continue }
            guard first.eventID == self.nextEventID else {
                throw HistoryCorrupted("event \(self.nextEventID) of \(node.key) is missing")
            }
            self.nextEventID = last.eventID + 1
            self.take(new)
        }
        guard self.nextEventID > before else {
            throw HistoryCorrupted("event \(before) of run \(run) is missing")
        }
    }

    private mutating func take(_ events: [HistoryEvent]) {
        let early = self.runID == self.base ? events.filter { $0.eventID < self.point } : []
        if !early.isEmpty { self.batches.append(early) }
        let isOfBaseRun = self.runID == self.base
        self.later += events.dropFirst(early.count).filter {
            $0.mayBeReapplied(isOfBaseRun: isOfBaseRun)
        }
        guard let last = events.last else { return }
        let attributes = last.workflowExecutionContinuedAsNewEventAttributes
        self.continuation =
            attributes.newExecutionRunID.isEmpty ? nil : RunID(attributes.newExecutionRunID)
    }

    /// Goes on with the run that followed.
    mutating func proceed(to run: RunID) {
        self.runID = run
        self.nextEventID = 1
        self.continuation = nil
    }
}
