import MatchingCore
import Metrics
import Primitives

/// How polls end, under Temporal's metric names.
struct PollMetrics: Sendable {
    private let successes: Counter
    private let syncMatches: Counter
    private let timeouts: Counter

    init(_ type: TaskQueueType) {
        let dimensions = [("task_type", type == .workflow ? "Workflow" : "Activity")]
        self.successes = Counter(label: "poll_success", dimensions: dimensions)
        self.syncMatches = Counter(label: "poll_success_sync", dimensions: dimensions)
        self.timeouts = Counter(label: "poll_timeouts", dimensions: dimensions)
    }

    func count(_ reply: PollReply) {
        switch reply {
        case .success(.nothing): self.timeouts.increment()
        case .success(.backlogTask): self.successes.increment()
        case .success(.syncMatch), .success(.query):
            self.successes.increment()
            self.syncMatches.increment()
        case .failure: break
        }
    }
}
