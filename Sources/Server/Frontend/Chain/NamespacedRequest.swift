import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// A request that belongs to one namespace and names it.
protocol NamespacedRequest: SwiftProtobuf.Message {
    var namespace: String { get }
}

/// A request about a task the server handed out; the task's token names the namespace as well.
protocol TokenRequest: NamespacedRequest {
    associatedtype Token: TaskTokenRecord
    var taskToken: Data { get }
}

/// What a task token decodes to.
protocol TaskTokenRecord: SwiftProtobuf.Message {
    var namespaceID: String { get }
    /// Whether the server could have made this token.
    var isComplete: Bool { get }
}

extension StoredTaskToken: TaskTokenRecord {
    var isComplete: Bool {
        guard isUUID(self.namespaceID), isUUID(self.runID) else { return false }
        return switch Archetype(rawValue: self.archetype) {
        case .workflow: !self.workflowID.isEmpty && self.scheduledEventID > 0
        case .activity: !self.activityID.isEmpty
        case nil: false
        }
    }
}

extension StoredQueryToken: TaskTokenRecord {
    var isComplete: Bool {
        isUUID(self.namespaceID) && !self.taskQueue.isEmpty && !self.taskID.isEmpty
    }
}

extension TokenRequest {
    /// The decoded token.
    /// - Throws: `invalidArgument` for bytes the server did not write.
    func decodedToken() throws(ServiceError) -> Token {
        guard !self.taskToken.isEmpty else { throw .taskTokenNotSet }
        let token: Token
        do {
            token = try Token(serializedBytes: self.taskToken)
        } catch {
            throw .tokenUnreadable
        }
        guard token.isComplete else { throw .tokenInvalid }
        return token
    }
}

extension UpdateNamespaceRequest: NamespacedRequest {}
extension StartWorkflowExecutionRequest: NamespacedRequest {}
extension SignalWithStartWorkflowExecutionRequest: NamespacedRequest {}
extension SignalWorkflowExecutionRequest: NamespacedRequest {}
extension RequestCancelWorkflowExecutionRequest: NamespacedRequest {}
extension TerminateWorkflowExecutionRequest: NamespacedRequest {}
extension ResetWorkflowExecutionRequest: NamespacedRequest {}
extension PauseWorkflowExecutionRequest: NamespacedRequest {}
extension UnpauseWorkflowExecutionRequest: NamespacedRequest {}
extension GetWorkflowExecutionHistoryReverseRequest: NamespacedRequest {}
extension UpdateWorkflowExecutionOptionsRequest: NamespacedRequest {}
extension QueryWorkflowRequest: NamespacedRequest {}
extension UpdateWorkflowExecutionRequest: NamespacedRequest {}
extension PollWorkflowExecutionUpdateRequest: NamespacedRequest {}
extension ExecuteMultiOperationRequest: NamespacedRequest {}
extension DescribeWorkflowExecutionRequest: NamespacedRequest {}
extension GetWorkflowExecutionHistoryRequest: NamespacedRequest {}
extension ListWorkflowExecutionsRequest: NamespacedRequest {}
extension CountWorkflowExecutionsRequest: NamespacedRequest {}
extension PollWorkflowTaskQueueRequest: NamespacedRequest {}
extension PollActivityTaskQueueRequest: NamespacedRequest {}
extension RespondActivityTaskCompletedByIdRequest: NamespacedRequest {}
extension RespondActivityTaskFailedByIdRequest: NamespacedRequest {}
extension RespondActivityTaskCanceledByIdRequest: NamespacedRequest {}
extension RecordActivityTaskHeartbeatByIdRequest: NamespacedRequest {}
extension PauseActivityRequest: NamespacedRequest {}
extension UnpauseActivityRequest: NamespacedRequest {}
extension ResetActivityRequest: NamespacedRequest {}
extension UpdateActivityOptionsRequest: NamespacedRequest {}
extension PauseActivityExecutionRequest: NamespacedRequest {}
extension UnpauseActivityExecutionRequest: NamespacedRequest {}
extension ResetActivityExecutionRequest: NamespacedRequest {}
extension UpdateActivityExecutionOptionsRequest: NamespacedRequest {}
extension ResetStickyTaskQueueRequest: NamespacedRequest {}
extension ShutdownWorkerRequest: NamespacedRequest {}
extension StartActivityExecutionRequest: NamespacedRequest {}
extension DescribeActivityExecutionRequest: NamespacedRequest {}
extension PollActivityExecutionRequest: NamespacedRequest {}
extension ListActivityExecutionsRequest: NamespacedRequest {}
extension CountActivityExecutionsRequest: NamespacedRequest {}
extension RequestCancelActivityExecutionRequest: NamespacedRequest {}
extension TerminateActivityExecutionRequest: NamespacedRequest {}
extension DeleteActivityExecutionRequest: NamespacedRequest {}
extension DeleteWorkflowExecutionRequest: NamespacedRequest {}
extension DescribeTaskQueueRequest: NamespacedRequest {}

extension RespondWorkflowTaskCompletedRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RespondWorkflowTaskFailedRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RespondActivityTaskCompletedRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RespondActivityTaskFailedRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RespondActivityTaskCanceledRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RecordActivityTaskHeartbeatRequest: TokenRequest { typealias Token = StoredTaskToken }
extension RespondQueryTaskCompletedRequest: TokenRequest { typealias Token = StoredQueryToken }
