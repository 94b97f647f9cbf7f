import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func getWorkflowExecutionHistoryReverse(
        _ request: GetWorkflowExecutionHistoryReverseRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> GetWorkflowExecutionHistoryReverseResponse {
        try self.checkExecution(request.execution, isSet: request.hasExecution)
        var request = request
        let sizeMax = Int32(clamping: self.settings.historyPageSizeMax)
        if request.maximumPageSize <= 0 || request.maximumPageSize > sizeMax {
            request.maximumPageSize = sizeMax
        }
        return try await self.send(
            .getHistoryReverse(request), to: request.execution.workflowID, call
        ) { reply -> GetWorkflowExecutionHistoryReverseResponse? in
            guard case .history(let page) = reply else { return nil }
            return .with {
                $0.history = page.history
                $0.nextPageToken = page.nextPageToken
            }
        }
    }
}
