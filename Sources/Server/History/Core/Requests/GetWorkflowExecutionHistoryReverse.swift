import DynamicConfig
import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias ReverseHistoryRequest =
        Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryReverseRequest

    /// A page of a run's history from the last event to the first; later events do not join in.
    mutating func getHistoryReverse(
        _ request: ReverseHistoryRequest, _ call: Call, _ effects: inout [Effect]
    ) {
        let runID: RunID
        do throws(ServiceError) {
            runID = try Self.run(of: request.execution, request.nextPageToken)
        } catch {
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard let run = self.run(runID, for: call, &effects) else { return }
        let key = run.state.key
        var end = run.state.info.nextEventID
        if !request.nextPageToken.isEmpty {
            guard let token = try? StoredHistoryPageToken(serializedBytes: request.nextPageToken),
                token.belongs(toReverseOf: key), (2...end).contains(token.nextEventID)
            else {
                return self.refuse(call.id, .invalidPageToken, seeing: nil, &effects)
            }
            end = token.nextEventID
        }
        let sizeMax = self.settings.historyPageSizeMax
        let asked = Int(request.maximumPageSize)
        let size = Int64(asked > 0 ? min(asked, sizeMax) : sizeMax)
        let first = max(end - size, 1)
        // All of the range is wanted, however many events its batches hold beside it.
        var fetch = HistoryFetch(
            key: key, events: first..<end, eventsMax: Int(Int32.max), suffix: [],
            token: StoredHistoryPageToken(reverseOf: key, before: first), continuesAtEnd: false)
        fetch.isReversed = true
        self.reply(call.id, .history(.init()), fetch: fetch, &effects)
    }
}
