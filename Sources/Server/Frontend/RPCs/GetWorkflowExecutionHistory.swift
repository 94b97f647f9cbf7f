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
        let response = try await self.send(
            .getHistory(request, showsUnwritten: self.showsUnwrittenEvents(to: call.context)),
            to: request.execution.workflowID, call
        ) { reply -> GetWorkflowExecutionHistoryResponse? in
            if case .history(let response) = reply { response } else { nil }
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
