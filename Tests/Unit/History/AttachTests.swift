import DynamicConfig
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Rules are checked after every commit: what is attached follows from the events.
@Suite struct AttachTests {
    private func attach(
        _ shard: ShardHarness, _ requestID: String,
        configure: (inout StartBody) -> Void = { _ in }
    ) throws -> Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse {
        let body = shard.startBody {
            $0.requestID = requestID
            $0.workflowIDConflictPolicy = .useExisting
            $0.onConflictOptions.attachRequestID = true
            configure(&$0)
        }
        guard case .started(let response) = try shard.call(.startWorkflowExecution(body)) else {
            throw UnexpectedReply()
        }
        return response
    }

    @Test("A request that meets a running run is attached to it, once")
    func attaches() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        for _ in 0..<2 {
            let response = try self.attach(shard, "other")
            #expect(!response.started)
            #expect(response.runID == runID.rawValue)
            #expect(response.link.workflowEvent.requestIDRef.requestID == "other")
        }
        #expect(try shard.history(after: 2) == "3 WorkflowExecutionOptionsUpdated")
        #expect(shard.handedOver.count == 1)
        shard.restart()
        #expect(try self.attach(shard, "other").runID == runID.rawValue)
        try shard.work(.complete())
        #expect(try self.attach(shard, "other").status == .completed)
        #expect(try shard.describe().workflowExtendedInfo.requestIDInfos["other"]?.eventID == 3)
    }

    @Test("An attached request waits with its event for the workflow task to end")
    func buffered() throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        _ = try self.attach(shard, "a")
        _ = try self.attach(shard, "b")
        let waiting = try shard.describe().workflowExtendedInfo.requestIDInfos
        #expect(waiting["a"]?.buffered == true)
        shard.restart()
        try shard.complete(task)
        let infos = try shard.describe().workflowExtendedInfo.requestIDInfos
        #expect(infos["a"]?.eventID == 5)
        #expect(infos["b"]?.eventID == 6)
        #expect(infos["b"]?.buffered == false)
        try HistoryRules.check(shard, "after the task")
    }

    @Test("The requests that were attached first are forgotten first")
    func bounded() throws {
        let shard = ShardHarness { $0.attachedRequestsMax = 3 }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        for number in 1...5 { _ = try self.attach(shard, "r\(number)") }
        #expect(try shard.describe().workflowExtendedInfo.requestIDInfos.count == 6)
        try shard.complete(task)
        let infos = try shard.describe().workflowExtendedInfo.requestIDInfos
        #expect(infos.keys.sorted() == ["r3", "r4", "r5", "start-1"])
        try HistoryRules.check(shard, "after the task")
    }

    @Test("A new priority gives the waiting task to matching again, and voids the first one")
    func priority() throws {
        let shard = ShardHarness()
        try shard.start()
        let update = HistoryOperation.updateOptions(
            .with {
                $0.workflowExecutionOptions.priority.priorityKey = 1
                $0.updateMask.paths = ["priority"]
            })
        try shard.call(update)
        try shard.call(update)
        #expect(try shard.history(after: 2) == "3 WorkflowExecutionOptionsUpdated")
        #expect(shard.handedOver.map(\.priorityKey) == [0, 1])
        let void = shard.handedOver.removeFirst()
        #expect(
            shard.refusal(.recordWorkflowTaskStarted(shard.workflowStart(of: void)))?.kind
                == .obsoleteTask)
        try shard.work(.complete())
        #expect(try shard.describe().workflowExecutionInfo.status == .completed)
    }

    @Test("An id may have to rest before it is used again")
    func resting() throws {
        let shard = ShardHarness { $0.enableWorkflowIDReuseStartTimeValidation = true }
        try shard.start()
        let replacing = shard.startBody { $0.workflowIDConflictPolicy = .terminateExisting }
        let refusal = shard.refusal(.startWorkflowExecution(replacing))
        #expect(refusal?.message == "Too many restarts for workflow w. Time since last start: 0 ms")
        try shard.work(.complete())
        let again = shard.startBody()
        #expect(
            shard.refusal(.startWorkflowExecution(again))?.message
                == "Too many starts for workflow w. Time since last start: 0 ms")
        shard.wait(.milliseconds(1_001))
        _ = try shard.start()
    }
}
