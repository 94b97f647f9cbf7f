import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    static let tasksPageMax = 1_000

    mutating func rangeAcquired(_ range: RangeID, _ effects: inout [Effect]) {
        guard case .acquiring = self.phase else { return }
        self.range = range
        self.phase = .recovering(tasks: true, timers: true)
        // Ids of a later range are above all ids of earlier ones.
        self.nextTaskID = range.rawValue << 40
        effects.append(.loadTasks(after: 0, countMax: Self.tasksPageMax))
        self.isLoadingTimers = true
        effects.append(.loadTimers(after: nil, countMax: self.settings.shardTimersMax))
    }

    /// Who waited for this attempt need not wait for the next: they can decide to try again.
    mutating func acquisitionFailed(_ effects: inout [Effect]) {
        guard case .acquiring = self.phase else { return }
        for (id, _) in self.early where self.live.remove(id) != nil {
            effects.append(.reply(id, .failure(self.notAvailable)))
        }
        self.early = []
        self.phase = .acquiring(retryAt: self.now + .milliseconds(500))
    }

    mutating func tasksLoaded(
        _ result: Result<[HistoryTaskRow], StoreError>, _ effects: inout [Effect]
    ) {
        guard case .recovering(true, let timers) = self.phase else { return }
        switch result {
        case .failure(let error): self.reload(because: "tasks cannot be read: \(error)", &effects)
        case .success(let rows):
            for row in rows {
                do {
                    self.tasks[row.id] = try StoredHistoryTask(serializedBytes: row.task)
                } catch {
                    effects.append(.report(.taskUnreadable(row.id, "\(error)")))
                }
            }
            if rows.count == Self.tasksPageMax, let last = rows.last {
                effects.append(.loadTasks(after: last.id, countMax: Self.tasksPageMax))
            } else {
                self.phase = .recovering(tasks: false, timers: timers)
                self.serveIfRecovered(&effects)
            }
        }
    }

    mutating func serveIfRecovered(_ effects: inout [Effect]) {
        guard self.phase == .recovering(tasks: false, timers: false) else { return }
        self.phase = .serving
        for id in self.tasks.keys.sorted() { self.begin(id, &effects) }
        let early = self.early
        self.early = []
        for (id, request) in early where self.live.contains(id) {
            self.dispatch(id, request, &effects)
        }
        self.fireTimers(&effects)
    }

    /// Forgets everything and starts again from the store: what is in memory may not be true.
    mutating func reload(because reason: String, _ effects: inout [Effect]) {
        guard self.phase != .stopped else { return }
        effects.append(.report(.reloading(because: reason)))
        self.dropEverything(&effects)
        self.phase = .acquiring(retryAt: self.now + .milliseconds(100))
    }

    mutating func stop(_ effects: inout [Effect]) {
        self.dropEverything(&effects)
        self.phase = .stopped
    }

    private var notAvailable: ServiceError {
        ServiceError(.shardUnavailable(self.id), "shard is not available, try again")
    }

    private mutating func dropEverything(_ effects: inout [Effect]) {
        for id in self.live.sorted() { effects.append(.reply(id, .failure(self.notAvailable))) }
        for id in self.directQueries.keys.sorted() { effects.append(.cancelQuery(id)) }
        self.live = []
        self.early = []
        self.repeated = []
        self.runs = [:]
        self.activities = [:]
        self.currentRuns = [:]
        self.cachedBytes = 0
        self.loads = [:]
        self.resets = [:]
        self.deletedRuns = [:]
        self.tasks = [:]
        self.taskAttempts = [:]
        self.taskRetries = DeadlineHeap()
        self.finishedTasks = []
        self.deletionDueAt = nil
        self.deliveries = DeliveryQueue()
        self.completions = [:]
        self.closingChildren = []
        self.childrenToClose = []
        self.timers = DeadlineHeap()
        self.timerHorizon = nil
        self.isLoadingTimers = false
        self.timerLoads = 0
        self.waitDeadlines = DeadlineHeap()
        self.waitingOn = [:]
        self.directQueries = [:]
        self.inFlight = nil
        self.nextBatchID += 1
        self.open = OpenBatch(id: BatchID(rawValue: self.nextBatchID))
        self.durable = BatchID(rawValue: self.nextBatchID - 1)
    }
}
