import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct UpdateTests {
    @Test("An update is accepted and done in one workflow task")
    func completes() throws {
        let shard = try ShardHarness.idle()
        let id = shard.update()
        let task = try shard.takeWorkflowTask()
        let message = try #require(task.messages.first)
        #expect(message.id == "u/request")
        #expect(message.protocolInstanceID == "u")
        #expect(message.eventID == task.startedEventID - 1)
        let request = try Temporal_Api_Update_V1_Request(unpackingAny: message.body)
        #expect(request == shard.updateBody().request)
        try shard.answer(task, [.accept(at: message.eventID), .complete()])
        #expect(
            try shard.history(after: 4) == """
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionUpdateAccepted
                9 WorkflowExecutionUpdateCompleted
                """)
        let accepted = try shard.lastEvent(.workflowExecutionUpdateAccepted)
            .workflowExecutionUpdateAcceptedEventAttributes
        #expect(accepted.protocolInstanceID == "u")
        #expect(accepted.acceptedRequestMessageID == "u/request")
        #expect(accepted.acceptedRequestSequencingEventID == 5)
        #expect(accepted.acceptedRequest == request)
        let completed = try shard.lastEvent(.workflowExecutionUpdateCompleted)
            .workflowExecutionUpdateCompletedEventAttributes
        #expect(completed.acceptedEventID == 8)
        #expect(completed.meta.updateID == "u")
        let response = try shard.updated(id)
        #expect(response.outcome.success.texts == ["changed"])
        #expect(response.stage == .completed)
        #expect(response.updateRef.updateID == "u")
        #expect(response.updateRef.workflowExecution.runID == shard.currentRun().rawValue)
        #expect(response.link.workflowEvent.requestIDRef.requestID == "request of u")
        let info = try shard.describe().workflowExtendedInfo.requestIDInfos["request of u"]
        #expect(info?.eventID == 8 && info?.eventType == .workflowExecutionUpdateAccepted)
        try HistoryRules.check(shard, "the end")
    }

    @Test("A rejected update leaves nothing")
    func rejected() throws {
        let shard = try ShardHarness.idle()
        let commits = shard.commitCount
        let id = shard.update()
        let task = try shard.takeWorkflowTask()
        let response = try shard.answer(task, [.reject()])
        #expect(response.resetHistoryEventID == 3)
        #expect(try shard.history(after: 4).isEmpty)
        #expect(shard.commitCount == commits)
        let updated = try shard.updated(id)
        #expect(updated.outcome.failure == .application("no"))
        #expect(updated.stage == .completed)
        #expect(updated.link.workflow.reason == "Update rejected")
        #expect(shard.error(of: shard.poll())?.message == "update \"u\" not found")
        try HistoryRules.check(shard, "the end")
        // The run goes on as if nothing had been.
        try shard.signal("go")
        try shard.work(.complete())
        #expect(
            try shard.history(after: 4).hasPrefix("5 WorkflowExecutionSignaled\n6 WorkflowTask"))
    }

    @Test("An update the worker says nothing of is refused, but not on a heartbeat")
    func unprocessed() throws {
        let shard = try ShardHarness.idle()
        let id = shard.update()
        let task = try shard.takeWorkflowTask()
        let response = try shard.answer(task, []) {
            $0.forceCreateNewWorkflowTask = true
            $0.returnNewWorkflowTask = true
        }
        #expect(shard.replies[id] == nil)
        // The worker still has it.
        #expect(response.workflowTask.messages.isEmpty)
        try shard.answer(response.workflowTask, [])
        let failure = try shard.updated(id).outcome.failure
        #expect(failure.applicationFailureInfo.type == "UnprocessedUpdate")
        #expect(failure.applicationFailureInfo.nonRetryable)
    }

    @Test("The same update again gets the same answer, whenever it comes")
    func deduplicated() throws {
        let shard = try ShardHarness.idle()
        let first = shard.update()
        let second = shard.update()
        let task = try shard.takeWorkflowTask()
        #expect(task.messages.count == 1)
        #expect(!shard.handedOver.contains { $0.queue.type == .workflow })
        try shard.answer(task, [.accept(at: 5)])
        let third = shard.update(waitingFor: .accepted)
        #expect(try shard.updated(third).stage == .accepted)
        #expect(shard.replies[first] == nil)
        try shard.signal("go")
        try shard.answer(try shard.takeWorkflowTask(), [.complete()], then: [.complete()])
        for id in [first, second, shard.update(), shard.update(waitingFor: .accepted)] {
            let response = try shard.updated(id)
            #expect(response.outcome.success.texts == ["changed"])
            #expect(response.stage == .completed)
        }
        shard.restart()
        #expect(try shard.updated(shard.update()).outcome.success.texts == ["changed"])
        #expect(try shard.polled(shard.poll()).outcome.success.texts == ["changed"])
        #expect(
            shard.error(of: shard.update("other"))
                == .notFound("workflow execution already completed"))
    }

    @Test("Who waits too long is told how far the update got")
    func stages() throws {
        let shard = try ShardHarness.idle()
        let admitted = shard.update()
        shard.wait(.seconds(4))
        let task = try shard.takeWorkflowTask()
        shard.wait(.seconds(5))
        try shard.answer(task, [.accept(at: 5)])
        shard.wait(.seconds(12))
        let response = try shard.updated(admitted)
        #expect(response.stage == .accepted)
        #expect(!response.hasOutcome)
        let polled = shard.poll()
        #expect(try shard.polled(shard.poll(waitingFor: .unspecified)).stage == .accepted)
        #expect(try shard.polled(shard.poll(waitingFor: .accepted)).stage == .accepted)
        shard.wait(.seconds(20))
        #expect(try shard.polled(polled).stage == .accepted)

        let late = shard.update("late")
        shard.wait(.seconds(20))
        #expect(try shard.updated(late).stage == .admitted)
        #expect(!(try shard.updated(late).hasLink))
    }

    @Test("A run that closes ends its updates")
    func closing() throws {
        let shard = try ShardHarness.idle()
        let accepted = shard.update("accepted")
        let waiting = shard.update("waiting", waitingFor: .accepted)
        try shard.answer(
            try shard.takeWorkflowTask(), [.accept("accepted", at: 5), .accept("waiting", at: 5)])
        #expect(try shard.updated(waiting).stage == .accepted)
        let admitted = shard.update("admitted")
        try shard.terminate()
        let failure = try shard.updated(accepted).outcome.failure
        #expect(failure.applicationFailureInfo.type == "AcceptedUpdateCompletedWorkflow")
        let error = try #require(shard.error(of: admitted))
        #expect(error == .notFound("workflow update was aborted by closing workflow"))
        let again = try shard.updated(shard.update("waiting"))
        #expect(
            again.outcome.failure.applicationFailureInfo.type == "AcceptedUpdateCompletedWorkflow")
        #expect(
            shard.error(of: shard.update("admitted"))
                == .notFound("workflow execution already completed"))
        // A speculative task that nobody had taken goes without a trace.
        #expect(try shard.history(after: 8).hasSuffix("WorkflowExecutionTerminated"))
        #expect(try shard.history(after: 8).split(separator: "\n").count == 2)
    }

    @Test("An update that came while the run was continued as new may be sent to the new run")
    func continued() throws {
        let shard = try ShardHarness.idle()
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        let id = shard.update()
        try shard.complete(task, .continueAsNew())
        let error = try #require(shard.error(of: id))
        #expect(error.kind == .resourceExhausted(cause: .busyWorkflow, scope: .namespace))
        shard.wait(.seconds(2))
        let again = shard.update()
        let next = try shard.takeWorkflowTask()
        #expect(next.messages.map(\.protocolInstanceID) == ["u"])
        try shard.answer(next, [.accept(at: 2), .complete()])
        let response = try shard.updated(again)
        #expect(response.updateRef.workflowExecution.runID == shard.currentRun().rawValue)
        #expect(response.outcome.success.texts == ["changed"])
    }

    @Test("A completion that cannot be carried out aborts the updates its worker had")
    func failedTask() throws {
        let shard = try ShardHarness.idle()
        let sent = shard.update("sent")
        let task = try shard.takeWorkflowTask()
        let unsent = shard.update("unsent")
        #expect(throws: ServiceError.self) {
            try shard.answer(task, [.accept("sent", at: 5)], then: [.cancelTimer("none")])
        }
        #expect(shard.error(of: sent)?.kind == .workflowNotReady)
        #expect(shard.replies[unsent] == nil)
        #expect(
            try shard.history(after: 4) == """
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskFailed
                """)
        let next = try shard.takeWorkflowTask()
        #expect(next.attempt == 2)
        #expect(next.messages.map(\.protocolInstanceID) == ["unsent"])
        try shard.answer(next, [.accept("unsent", at: 8), .complete("unsent")])
        #expect(try shard.updated(unsent).stage == .completed)
    }

    @Test("An update whose worker failed or vanished is sent again")
    func sentAgain() throws {
        let shard = try ShardHarness.idle()
        let id = shard.update()
        try shard.failTask(try shard.takeWorkflowTask())
        let second = try shard.takeWorkflowTask()
        #expect(second.messages.count == 1)
        shard.wait(.seconds(10))
        let third = try shard.takeWorkflowTask()
        #expect(third.attempt == 3)
        #expect(third.messages.map(\.eventID) == [third.startedEventID - 1])
        let error = try #require(shard.error(of: shard.update("other")))
        #expect(error.kind == .workflowNotReady)
        try shard.answer(third, [.accept(at: 8), .complete()])
        #expect(try shard.updated(id).stage == .completed)
    }

    @Test("A worker may answer an update that the server has lost")
    func resurrected() throws {
        let shard = try ShardHarness.idle()
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        let request = shard.updateBody().request
        var acceptance = Message.accept(at: 5)
        acceptance.body = try .init(
            message: Temporal_Api_Update_V1_Acceptance.with {
                $0.acceptedRequestMessageID = "u/request"
                $0.acceptedRequestSequencingEventID = 5
                $0.acceptedRequest = request
            })
        try shard.answer(task, [acceptance, .complete()])
        #expect(
            try shard.lastEvent(.workflowExecutionUpdateAccepted)
                .workflowExecutionUpdateAcceptedEventAttributes.acceptedRequest == request)
        #expect(try shard.updated(shard.update()).outcome.success.texts == ["changed"])
    }

    @Test("An accepted update survives a crash, and who waits for it asks again")
    func crash() throws {
        let shard = try ShardHarness.idle()
        shard.update(waitingFor: .accepted)
        try shard.answer(try shard.takeWorkflowTask(), [.accept(at: 5)])
        let lost = shard.update("lost")
        shard.restart()
        #expect(shard.replies[lost] == nil)
        #expect(shard.error(of: shard.poll("lost"))?.kind == .notFound)
        let polled = shard.poll()
        try shard.signal("go")
        shard.handedOver.removeFirst()
        try shard.answer(try shard.takeWorkflowTask(), [.complete()])
        #expect(try shard.polled(polled).outcome.success.texts == ["changed"])
    }

    // MARK: Refusals

    @Test("Updates are refused while the run cannot take them")
    func refused() throws {
        let shard = try ShardHarness.idle { settings in settings.enableWorkflowPause = true }
        #expect(
            shard.error(of: shard.update { $0.firstExecutionRunID = "other" })?.kind == .notFound)
        try shard.call(.pause(.init()))
        let paused = try #require(shard.error(of: shard.update()))
        #expect(paused.kind == .failedPrecondition)
        #expect(paused.message == "Workflow is paused. Cannot update the workflow.")
        try shard.call(.unpause(.init()))
        let task = try shard.takeWorkflowTask()
        try shard.signal("unseen")
        #expect(throws: ServiceError.self) { try shard.complete(task, .complete()) }
        _ = try shard.takeWorkflowTask()
        let closing = try #require(shard.error(of: shard.update()))
        #expect(closing.kind == .resourceExhausted(cause: .busyWorkflow, scope: .namespace))
    }

    @Test("There may be so many updates at a time, and so many in all")
    func limits() throws {
        let shard = try ShardHarness.idle { settings in
            settings.updatesInFlightMax = 2
            settings.updatesPerExecutionMax = 3
            settings.updatesInFlightSizeMax = 300
        }
        let concurrent = ServiceError.Kind.resourceExhausted(
            cause: .concurrentLimit, scope: .namespace)
        let large = shard.update("large") {
            $0.request.input.args = .text(String(repeating: "x", count: 300))
        }
        #expect(shard.error(of: large)?.kind == concurrent)
        shard.update("1")
        shard.update("2")
        #expect(shard.error(of: shard.update("3"))?.kind == concurrent)
        try shard.answer(
            try shard.takeWorkflowTask(),
            [.accept("1", at: 5), .complete("1"), .accept("2", at: 5)])
        let third = shard.update("3")
        try shard.answer(try shard.takeWorkflowTask(), [.accept("3", at: 11), .complete("3")])
        #expect(try shard.updated(third).stage == .completed)
        let error = try #require(shard.error(of: shard.update("4")))
        #expect(error.kind == .failedPrecondition)
        #expect(error.message.contains("total number of distinct updates"))
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        let attributes = try #require(task.history.events.last).workflowTaskStartedEventAttributes
        #expect(attributes.suggestContinueAsNewReasons == [.tooManyUpdates])
    }

    static let badMessages: [(messages: [Message], text: String)] = [
        ([.accept("unknown", at: 5)], "update unknown wasn't found on the server"),
        (
            [.complete()],
            "invalid state transition attempted for Update u: received *update.Response message"
        ),
        ([.accept(at: 0)], "accepted_request_sequencing_event_id is not set"),
        ([.accept(at: 5), .accept(at: 5)], "received *update.Acceptance message while in state"),
        (
            [
                .with {
                    $0.id = "x"; $0.protocolInstanceID = "u"; $0.body.typeURL = "a/b.C"
                }
            ],
            "unsupported protocol type b"
        ),
    ]

    @Test("Messages that make no sense fail their workflow task", arguments: badMessages)
    func badMessage(messages: [Message], text: String) throws {
        let shard = try ShardHarness.idle()
        shard.update()
        let task = try shard.takeWorkflowTask()
        let error = #expect(throws: ServiceError.self) { try shard.answer(task, messages) }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.message.hasPrefix("BadUpdateWorkflowExecutionMessage: ") == true)
        #expect(
            try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes.cause
                == .badUpdateWorkflowExecutionMessage)
    }

    @Test("A command needs its message")
    func missingMessage() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        let task = try shard.takeWorkflowTask()
        let error = #expect(throws: ServiceError.self) {
            try shard.complete(task, .message(.accept(at: 5)))
        }
        #expect(error?.message.contains("referenced absent message ID u/accept") == true)
    }

    // MARK: Resets

    @Test("A reset admits the updates again that came after its point")
    func reset() throws {
        let shard = try ShardHarness.idle()
        let runID = shard.currentRun()
        shard.update()
        try shard.answer(try shard.takeWorkflowTask(), [.accept(at: 5), .complete()])
        try shard.call(
            .reset(
                .with {
                    $0.workflowExecution.runID = runID.rawValue
                    $0.workflowTaskFinishEventID = 4
                    $0.requestID = "reset"
                }))
        let admitted = try shard.lastEvent(.workflowExecutionUpdateAdmitted)
            .workflowExecutionUpdateAdmittedEventAttributes
        #expect(admitted.origin == .reapply)
        #expect(admitted.request == shard.updateBody().request)
        let waiting = shard.update()
        let task = try shard.takeWorkflowTask()
        // Its request is in the event.
        #expect(task.messages.isEmpty)
        try shard.answer(task, [.accept(at: 6), .complete("u", "anew")])
        let accepted = try shard.lastEvent(.workflowExecutionUpdateAccepted)
            .workflowExecutionUpdateAcceptedEventAttributes
        #expect(!accepted.hasAcceptedRequest)
        #expect(try shard.updated(waiting).outcome.success.texts == ["anew"])
    }
}
