import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct UpdateTests {
    @Test("An update's script survives its trip as a name")
    func scriptsRoundTrip() {
        let scripts: [UpdateScript] = [
            .completes, .completesLater(milliseconds: 7), .fails, .rejects, .isIgnored,
        ]
        for script in scripts { #expect(UpdateScript(text: script.text) == script) }
        #expect(UpdateScript(text: "hesitates") == nil)
    }

    @Test("A result survives its trip as an outcome")
    func resultsRoundTrip() {
        for script in [UpdateScript.completes, .fails, .rejects] {
            let result = script.result(of: "u")
            #expect(UpdateResult(result.outcome) == result)
        }
    }

    private static func history(_ more: [(inout HistoryEvent) -> Void]) -> [HistoryEvent] {
        let ends: [(inout HistoryEvent) -> Void] = [
            { $0.workflowExecutionTerminatedEventAttributes = .init() }
        ]
        let edits =
            [
                {
                    $0.eventType = .workflowExecutionStarted
                    $0.workflowExecutionStartedEventAttributes = .init()
                }
            ] + more + ends
        return edits.enumerated().map { index, edit in
            var event = HistoryEvent()
            event.eventID = Int64(index + 1)
            edit(&event)
            return event
        }
    }

    private static func accepted(_ event: inout HistoryEvent) {
        event.workflowExecutionUpdateAcceptedEventAttributes = .with {
            $0.protocolInstanceID = "u"
            $0.acceptedRequest.meta.updateID = "u"
            $0.acceptedRequestSequencingEventID = 1
        }
    }

    private static func completed(_ event: inout HistoryEvent) {
        event.workflowExecutionUpdateCompletedEventAttributes = .with {
            $0.meta.updateID = "u"
            $0.acceptedEventID = 2
        }
    }

    @Test("An update that is accepted or completed twice is found out")
    func updatesHappenOnce() {
        func problems(_ more: [(inout HistoryEvent) -> Void]) -> Int {
            HistoryChecker.problems(in: Self.history(more), of: "u").count
        }
        #expect(problems([Self.accepted, Self.completed]) == 0)
        #expect(problems([Self.accepted, Self.accepted]) > 0)
        #expect(problems([Self.accepted, Self.completed, Self.completed]) > 0)
        #expect(problems([Self.completed]) > 0)
    }

    @Test("A reset that loses a signal, or takes over too much, is found out")
    func resetsAreChecked() {
        func signal(_ text: String) -> (inout HistoryEvent) -> Void {
            { $0.workflowExecutionSignaledEventAttributes.input = Payloads(text: text) }
        }
        func failed(_ event: inout HistoryEvent) {
            event.workflowTaskFailedEventAttributes = .with {
                $0.cause = .resetWorkflow
                $0.baseRunID = "base"
                $0.newRunID = "new"
            }
        }
        func problems(
            _ new: [(inout HistoryEvent) -> Void], excluding excluded: Set<ResetClient.ExcludeType>
        ) -> Int {
            let done: (inout HistoryEvent) -> Void = {
                $0.workflowTaskCompletedEventAttributes = .init()
            }
            return ResetChecker(
                base: Self.history([signal("a"), done, signal("b")]),
                new: Self.history(new), point: 3, excluded: excluded
            ).problems("base", "new").count
        }
        #expect(problems([signal("a"), failed, signal("b"), signal("c")], excluding: []) == 0)
        #expect(problems([signal("a"), failed, signal("c")], excluding: []) > 0)
        #expect(problems([signal("a"), failed], excluding: [.signal]) == 0)
        #expect(problems([signal("x"), failed, signal("b")], excluding: []) > 0)
        #expect(problems([signal("a"), signal("b")], excluding: []) > 0)
    }
}
