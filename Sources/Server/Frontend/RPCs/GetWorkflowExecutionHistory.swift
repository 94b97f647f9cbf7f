import DynamicConfig
import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension GetWorkflowExecutionHistoryResponse {
    /// The same page with its events as bytes, for clients that decode them themselves.
    fileprivate var raw: Self {
        guard let bytes: Data = try? self.history.serializedBytes() else { return self }
        var response = self
        response.clearHistory()
        if !self.history.events.isEmpty {
            response.rawHistory = [
                .with {
                    $0.encodingType = .proto3
                    $0.data = bytes
                }
            ]
        }
        return response
    }

    /// Shows a close event that names a next run as the continuation that clients know how to
    /// follow which do not look for next runs elsewhere.
    fileprivate mutating func hideNextRun() {
        guard let last = self.history.events.last, let continuation = last.continuation else {
            return
        }
        self.history.events[self.history.events.count - 1] = continuation
    }
}

extension Temporal_Api_History_V1_HistoryEvent {
    /// The event as a continuation as new; nil if no run follows, or it is one.
    fileprivate var continuation: Self? {
        var attributes =
            Temporal_Api_History_V1_WorkflowExecutionContinuedAsNewEventAttributes()
        switch self.attributes {
        case .workflowExecutionCompletedEventAttributes(let end):
            attributes.newExecutionRunID = end.newExecutionRunID
            if end.hasResult { attributes.lastCompletionResult = end.result }
        case .workflowExecutionFailedEventAttributes(let end):
            attributes.newExecutionRunID = end.newExecutionRunID
            if end.hasFailure { attributes.failure = end.failure }
        case .workflowExecutionTimedOutEventAttributes(let end):
            attributes.newExecutionRunID = end.newExecutionRunID
            attributes.failure = .with {
                $0.message = "workflow timeout"
                $0.source = "Server"
                $0.timeoutFailureInfo.timeoutType = .startToClose
            }
        default: return nil
        }
        guard !attributes.newExecutionRunID.isEmpty else { return nil }
        return .with {
            $0.eventID = self.eventID
            $0.eventTime = self.eventTime
            $0.eventType = .workflowExecutionContinuedAsNew
            $0.version = self.version
            $0.taskID = self.taskID
            $0.workflowExecutionContinuedAsNewEventAttributes = attributes
        }
    }
}

extension CallContext {
    /// Whether the client says that it finds the next run in any close event.
    fileprivate var followsNextRun: Bool {
        self.metadata["supported-features"]?.split(separator: ",")
            .contains("follows-next-run-id") ?? false
    }
}

extension FrontendService {
    /// Pages and long polls are history's; here the request gets its defaults.
    func getWorkflowExecutionHistory(
        _ request: GetWorkflowExecutionHistoryRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> GetWorkflowExecutionHistoryResponse {
        try self.checkExecution(request.execution, isSet: request.hasExecution)
        var request = request
        let sizeMax = Int32(clamping: self.settings.historyPageSizeMax)
        if request.maximumPageSize <= 0 || request.maximumPageSize > sizeMax {
            request.maximumPageSize = sizeMax
        }
        switch request.historyEventFilterType {
        case .unspecified: request.historyEventFilterType = .allEvent
        case .allEvent, .closeEvent: break
        case .UNRECOGNIZED(let number):
            throw .invalidArgument("unknown HistoryEventFilterType \(number)")
        }
        var response = try await self.send(
            .getHistory(request, showsUnwritten: self.showsUnwrittenEvents(to: call.context)),
            to: request.execution.workflowID, call
        ) { reply -> GetWorkflowExecutionHistoryResponse? in
            if case .history(let response) = reply { response } else { nil }
        }
        if request.historyEventFilterType == .closeEvent, !call.context.followsNextRun {
            response.hideNextRun()
        }
        return self.settings.sendRawHistory ? response.raw : response
    }

    /// The command line and the user interface take every event they see for a fact.
    private func showsUnwrittenEvents(to context: CallContext) -> Bool {
        let client = context.metadata["client-name"]
        return self.settings.sendTransientEvents && client != "temporal-cli"
            && client != "temporal-ui"
    }
}
