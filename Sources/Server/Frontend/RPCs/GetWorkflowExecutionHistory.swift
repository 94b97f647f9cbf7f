import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

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
        return try await self.send(
            .getHistory(request), to: request.execution.workflowID, call
        ) { reply -> GetWorkflowExecutionHistoryResponse? in
            if case .history(let response) = reply { response } else { nil }
        }
    }
}
