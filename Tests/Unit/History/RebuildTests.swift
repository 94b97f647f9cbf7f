import DynamicConfig
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct RebuildTests {
    private static let key = WorkflowKey(
        namespaceID: testNamespace.id, workflowID: "w", runID: "run")

    private static func beginning() -> MutableState {
        MutableState(
            key, namespaceName: "test", retention: .seconds(86_400), createRequestID: "request")
    }

    @Test(
        "A history leads to the state that is written down for it",
        arguments: try GoldenHistory.all())
    func golden(_ history: GoldenHistory) throws {
        let rebuilt = try RebuiltState(history.batches, on: Self.beginning(), settings: Settings())
        let lines = rebuilt.state.lines
        #expect(
            lines == history.expected, "\(history.name) leads to:\n\(lines.joined(separator: "\n"))"
        )
    }

    /// Add a line to a file in `Golden`, or a file, for an event this test misses.
    @Test("Every event the server writes is in a golden history")
    func coverage() throws {
        let covered = try GoldenHistory.all().reduce(into: Set<EventType>()) {
            $0.formUnion($1.types)
        }
        for type in EventType.allCases where type != .unspecified && !covered.contains(type) {
            var state = Self.beginning()
            let words = "\(type)"
            let name = words.prefix(1).uppercased() + words.dropFirst()
            let event = try GoldenHistory.event(ofType: name, [])
            var isKnown = true
            do throws(HistoryCorrupted) { _ = try state.apply(event) } catch {
                isKnown = !error.description.hasSuffix("is not known")
            }
            #expect(!isKnown, "no golden history has a \(name)")
        }
    }

    @Test(
        "A history that cannot be is not rebuilt",
        arguments: [
            "",
            "2 WorkflowExecutionStarted workflowId=w",
            "1 WorkflowExecutionStarted workflowId=w\n3 WorkflowTaskScheduled attempt=1",
            "1 WorkflowExecutionStarted workflowId=w\n2 WorkflowTaskStarted scheduledEventId=9",
            "1 WorkflowExecutionStarted workflowId=w\n2 ActivityTaskCompleted scheduledEventId=9",
            "1 WorkflowExecutionStarted workflowId=w\n2 WorkflowExecutionTerminated\n3 TimerFired",
        ])
    func impossible(text: String) throws {
        let history = try GoldenHistory("", text)
        #expect(throws: HistoryCorrupted.self) {
            try RebuiltState(history.batches, on: Self.beginning(), settings: Settings())
        }
    }
}
