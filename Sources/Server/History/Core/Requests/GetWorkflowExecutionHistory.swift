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
        _ request: HistoryRequestBody, showsUnwritten: Bool, _ call: Call,
        _ effects: inout [Effect]
    ) {
        let runID: RunID
        do throws(ServiceError) {
            runID = try Self.run(of: request.execution, request.nextPageToken)
        } catch {
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard let run = self.run(runID, for: call, &effects) else { return }
        let window = self.now + self.settings.historyLongPollExpiration
        // Leaves the caller time to get the answer before its own deadline.
        let deadline = min(window, call.request.deadline.map { $0 + .milliseconds(-500) } ?? window)
        self.answer(
            call.id, request, run, mayWait: request.waitNewEvent, until: max(deadline, self.now),
            showsUnwritten: showsUnwritten, &effects)
    }

    /// The run a reader means: the one its token was made for.
    static func run(
        of execution: Temporal_Api_Common_V1_WorkflowExecution, _ pageToken: Data
    ) throws(ServiceError) -> RunID {
        let runID = RunID(execution.runID)
        guard !pageToken.isEmpty else { return runID }
        guard let token = try? StoredHistoryPageToken(serializedBytes: pageToken),
            isUUID(token.runID)
        else { throw .invalidPageToken }
        guard runID.isEmpty || runID.rawValue == token.runID else {
            throw .invalidArgument("RunId in the request does not match the NextPageToken.")
        }
        return RunID(token.runID)
    }

    /// Answers a reader from what is there, or lets it wait for more.
    mutating func answer(
        _ id: RequestID, _ request: HistoryRequestBody, _ run: CachedRun, mayWait: Bool,
        until deadline: Timestamp, showsUnwritten: Bool = false, _ effects: inout [Effect]
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
        var suffix = token?.transientSuffix == true ? run.state.transientSuffix : []
        // A reader who follows gets these events once they are written, not twice.
        if showsUnwritten, !isCloseOnly, !request.waitNewEvent {
            suffix = run.state.unwrittenSuffix
        }
        let fetch = HistoryFetch(
            key: key, events: range, eventsMax: asked > 0 ? min(asked, eventsMax) : eventsMax,
            suffix: suffix,
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
    static let invalidPageToken = ServiceError.invalidArgument("Invalid NextPageToken.")
}
