import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Generated workflows: activities with retries, timers, signals, queries, continue-as-new.
///
/// Each has a client that knows its result in advance. At the end every history is looked at.
// Safe because a simulation has one thread.
package final class Programs: Workload, @unchecked Sendable {
    package static let name = "Programs"

    private let world: SimulatedWorld
    private let clients: [ScriptedClient]
    private var checkedEventCount = 0

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "programs")
        self.clients = (0..<Int.random(in: 1...20, using: &random)).map {
            ScriptedClient(world: world, number: $0)
        }
    }

    package var durationMax: Duration {
        let longest = self.clients.map(\.program.durationMax).max() ?? .zero
        // Signals may be sent until long after the start, and retries have backed off by then.
        return longest + .seconds(3_600)
    }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients {
                group.addTask {
                    await client.run()
                    await client.awaitResult()
                }
            }
        }
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            let histories = await client.histories()
            self.checkedEventCount += histories.joined().count
            let runs = zip(client.runIDs, histories).map { RunInspector.Run(id: $0, events: $1) }
            await inspector.inspect(runs, of: client.workflowID)
            await client.queryClosed()
            self.checkSignals(histories, client)
            self.checkChain(histories, client)
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "workflows", count: self.clients.count),
            (name: "runs", count: self.clients.map(\.runIDs.count).reduce(0, +)),
            (name: "signals", count: self.clients.map(\.acknowledged.count).reduce(0, +)),
            (name: "workflow tasks", count: self.world.tasks.workflowTaskCount),
            (name: "activity tasks", count: self.world.tasks.activityTaskCount),
            (name: "checked events", count: self.checkedEventCount),
        ]
    }

    /// An acknowledged signal is there, and once if it was sent once.
    ///
    /// A run remembers the requests it took, its successor does not: a signal that had to be sent
    /// again, by the client or within the server, may be in two runs.
    private func checkSignals(_ histories: [[HistoryEvent]], _ client: ScriptedClient) {
        var found: [String: Int] = [:]
        for event in histories.joined() {
            guard case .workflowExecutionSignaledEventAttributes(let signaled) = event.attributes
            else { continue }
            found[signaled.input.text, default: 0] += 1
        }
        for (signal, attempts) in client.acknowledged.sorted(by: { $0.key < $1.key }) {
            let count = found.removeValue(forKey: signal) ?? 0
            let isAsOften = count <= attempts || self.world.hasDoneUnknown
            if count < 1 || !isAsOften {
                self.world.fail(
                    "\(client.workflowID) has \(signal) \(count) times, sent \(attempts) times")
            }
        }
        for signal in found.keys.sorted() {
            self.world.fail("\(client.workflowID) has \(signal), which was never acknowledged")
        }
    }

    /// Each run but the first says which one it continues.
    private func checkChain(_ histories: [[HistoryEvent]], _ client: ScriptedClient) {
        for (index, events) in histories.enumerated() {
            guard let start = events.first?.start else { continue }
            let previous = index > 0 ? client.runIDs[index - 1] : ""
            if start.continuedExecutionRunID != previous
                || start.firstExecutionRunID != client.runIDs[0]
            {
                self.world.fail("\(client.workflowID), run \(index + 1), continues another run")
            }
        }
    }
}
