import DynamicConfig
import FoundationEssentials
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

typealias UpdateBody = Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionRequest
typealias UpdateResponse = Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse
typealias Message = Temporal_Api_Protocol_V1_Message

typealias Stage = Temporal_Api_Enums_V1_UpdateWorkflowExecutionLifecycleStage

// Updates, as clients ask for them and workers answer them.
extension ShardHarness {
    func updateBody(
        _ id: String = "u", waitingFor stage: Stage = .completed,
        configure: (inout UpdateBody) -> Void = { _ in }
    ) -> UpdateBody {
        .with {
            $0.namespace = testNamespace.name
            $0.workflowExecution.workflowID = "w"
            $0.waitPolicy.lifecycleStage = stage
            $0.request.meta.updateID = id
            $0.request.meta.identity = "client"
            $0.request.input.name = "change"
            $0.request.input.args = .text("argument")
            $0.request.requestID = "request of \(id)"
            configure(&$0)
        }
    }

    @discardableResult
    func update(
        _ id: String = "u", waitingFor stage: Stage = .completed, deadline: Timestamp? = nil,
        configure: (inout UpdateBody) -> Void = { _ in }
    ) -> RequestID {
        self.send(
            .update(self.updateBody(id, waitingFor: stage, configure: configure)),
            deadline: deadline)
    }

    func poll(_ id: String = "u", waitingFor stage: Stage = .completed) -> RequestID {
        self.send(
            .pollUpdate(
                .with {
                    $0.updateRef.workflowExecution.workflowID = "w"
                    $0.updateRef.updateID = id
                    $0.waitPolicy.lifecycleStage = stage
                }))
    }

    func updated(_ id: RequestID) throws -> UpdateResponse {
        guard case .updated(let response) = try #require(self.replies[id], "no reply yet").get()
        else { throw UnexpectedReply() }
        return response
    }

    func polled(
        _ id: RequestID
    ) throws -> Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateResponse {
        guard
            case .updatePolled(let response) = try #require(self.replies[id], "no reply yet").get()
        else { throw UnexpectedReply() }
        return response
    }

    /// What a request was refused with; nil if it was not.
    func error(of id: RequestID) -> ServiceError? {
        guard case .failure(let error) = self.replies[id] else { return nil }
        return error
    }

    /// A run that waits for something to happen.
    static func idle(
        sticky: Bool = false, adjust: (inout Settings) -> Void = { _ in }
    ) throws -> ShardHarness {
        let shard = ShardHarness(adjust: adjust)
        try shard.start()
        let task = try shard.takeWorkflowTask()
        if sticky { try shard.completeSticky(task) } else { try shard.complete(task) }
        return shard
    }

    /// Completes a workflow task with messages, each with its command unless it is a rejection.
    @discardableResult
    func answer(
        _ task: PollTask, _ messages: [Message], then commands: [Command] = [],
        configure: (inout CompletionBody) -> Void = { _ in }
    ) throws -> Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse {
        let operation = try self.completion(
            of: task,
            messages.filter { !$0.id.hasSuffix("/reject") }.map(Command.message) + commands
        ) {
            $0.messages = messages
            configure(&$0)
        }
        guard case .workflowTaskCompleted(let response) = try self.call(operation) else {
            throw UnexpectedReply()
        }
        return response
    }
}

extension Message {
    private init(_ id: String, _ kind: String, _ body: some SwiftProtobuf.Message) {
        self.init()
        self.id = "\(id)/\(kind)"
        self.protocolInstanceID = id
        self.body = (try? Google_Protobuf_Any(message: body)) ?? .init()
    }

    static func accept(_ id: String = "u", at sequencingEventID: Int64 = 2) -> Message {
        Message(
            id, "accept",
            Temporal_Api_Update_V1_Acceptance.with {
                $0.acceptedRequestMessageID = "\(id)/request"
                $0.acceptedRequestSequencingEventID = sequencingEventID
            })
    }

    static func reject(_ id: String = "u") -> Message {
        Message(
            id, "reject",
            Temporal_Api_Update_V1_Rejection.with {
                $0.rejectedRequestMessageID = "\(id)/request"
                $0.failure = .application("no")
            })
    }

    static func complete(_ id: String = "u", _ result: String = "changed") -> Message {
        Message(
            id, "complete",
            Temporal_Api_Update_V1_Response.with {
                $0.meta.updateID = id
                $0.outcome.success = .text(result)
            })
    }
}

extension Command {
    static func message(_ message: Message) -> Command {
        .with {
            $0.commandType = .protocolMessage
            $0.protocolMessageCommandAttributes.messageID = message.id
        }
    }
}
