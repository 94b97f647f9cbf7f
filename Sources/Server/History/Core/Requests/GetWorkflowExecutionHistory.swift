import DynamicConfig
import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias HistoryRequestBody =
        Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest

    mutating func getHistory(
        _ request: HistoryRequestBody, _ call: Call, _ effects: inout [Effect]
    ) {
        var runID = RunID(request.execution.runID)
        if !request.nextPageToken.isEmpty {
            guard let token = try? StoredHistoryPageToken(serializedBytes: request.nextPageToken),
                isUUID(token.runID), runID.isEmpty || runID.rawValue == token.runID
            else {
                return self.refuse(call.id, .invalidPageToken, seeing: nil, &effects)
            }
            runID = RunID(token.runID)
        }
        guard let run = self.run(runID, for: call, &effects) else { return }
        let window = self.now + self.settings.historyLongPollExpiration
        // Leaves the caller time to get the answer before its own deadline.
        let deadline = min(window, call.request.deadline.map { $0 + .milliseconds(-500) } ?? window)
        self.answer(
            call.id, request, run, mayWait: request.waitNewEvent, until: max(deadline, self.now),
            &effects)
    }

    /// Answers a reader from what is there, or lets it wait for more.
    mutating func answer(
        _ id: RequestID, _ request: HistoryRequestBody, _ run: CachedRun, mayWait: Bool,
        until deadline: Timestamp, _ effects: inout [Effect]
    ) {
        let key = run.state.key
        var token: StoredHistoryPageToken?
        if !request.nextPageToken.isEmpty {
            guard let read = try? StoredHistoryPageToken(serializedBytes: request.nextPageToken),
                read.belongs(to: key), (1...run.state.info.nextEventID).contains(read.nextEventID)
            else {
                return self.refuse(id, .invalidPageToken, seeing: nil, &effects)
            }
            token = read
        }
        let next = token?.nextEventID ?? 1
        let end = run.state.info.nextEventID
        let isCloseOnly = request.historyEventFilterType == .closeEvent
        let mustWait =
            request.waitNewEvent && run.state.isRunning
            && (isCloseOnly || (token != nil && next == end))
        if mustWait, mayWait {
            self.wait(HistoryWaiter(id: id, request: request, deadline: deadline), on: key)
            return
        }
        let eventsMax = self.settings.historyPageSizeMax
        let asked = Int(request.maximumPageSize)
        let range: Range<Int64>
        if isCloseOnly {
            range = run.state.isRunning ? end..<end : (end - 1)..<end
        } else {
            range = next..<end
        }
        let fetch = HistoryFetch(
            key: key, events: range, eventsMax: asked > 0 ? min(asked, eventsMax) : eventsMax,
            suffix: token?.transientSuffix == true ? run.state.transientSuffix : [],
            token: StoredHistoryPageToken(of: key, next: isCloseOnly ? next : end),
            continuesAtEnd: request.waitNewEvent && run.state.isRunning)
        self.reply(id, .history(.init()), fetch: fetch.keepingSuffix(of: token), &effects)
    }
}

extension HistoryFetch {
    /// This fetch, whose further pages keep the transient suffix the reader was promised.
    fileprivate func keepingSuffix(of token: StoredHistoryPageToken?) -> HistoryFetch {
        guard token?.transientSuffix == true else { return self }
        var next = self.token
        next.transientSuffix = true
        return HistoryFetch(
            key: self.key, events: self.events, eventsMax: self.eventsMax, suffix: self.suffix,
            token: next, continuesAtEnd: self.continuesAtEnd)
    }
}

extension ServiceError {
    fileprivate static let invalidPageToken = ServiceError.invalidArgument("Invalid NextPageToken.")
}
