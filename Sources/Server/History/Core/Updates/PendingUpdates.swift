import Primitives
import SwiftProtobuf
import TemporalAPI

package typealias UpdateRequest = Temporal_Api_Update_V1_Request
package typealias UpdateOutcome = Temporal_Api_Update_V1_Outcome
typealias ProtocolMessage = Temporal_Api_Protocol_V1_Message

/// An update that no worker has accepted or rejected yet.
///
/// It has left no trace in history: if it is lost with the memory it is in, its callers send it
/// again.
struct PendingUpdate: Sendable {
    let request: UpdateRequest
    /// Updates go to the worker in the order in which they came.
    let order: UInt64
    /// Serialized size.
    let bytes: Int
    /// Started event of the newest workflow task that brought it to a worker; nil if none did.
    var carrier: Int64?
}

/// The updates of one run that are not in its history.
struct PendingUpdates: Sendable {
    private(set) var byID: [String: PendingUpdate] = [:]
    /// Size of all of them, in bytes.
    private(set) var bytes = 0
    private var nextOrder: UInt64 = 0

    var count: Int { self.byID.count }
    /// Whether some of them have not been given to a worker.
    var hasUnsent: Bool { self.byID.values.contains { $0.carrier == nil } }

    subscript(id: String) -> PendingUpdate? { self.byID[id] }

    mutating func admit(_ request: UpdateRequest) {
        let update = PendingUpdate(
            request: request, order: self.nextOrder, bytes: MutableState.bytes(request).count)
        self.nextOrder += 1
        self.bytes += update.bytes
        self.byID[request.meta.updateID] = update
    }

    mutating func remove(_ id: String) {
        guard let update = self.byID.removeValue(forKey: id) else { return }
        self.bytes -= update.bytes
    }

    /// Takes out those a worker was given.
    mutating func removeSent() -> [String] {
        let sent = self.inOrder.filter { $0.carrier != nil }.map(\.request.meta.updateID)
        for id in sent { self.remove(id) }
        return sent
    }

    mutating func removeAll() -> [String] {
        let all = self.inOrder.map(\.request.meta.updateID)
        self.byID = [:]
        self.bytes = 0
        return all
    }

    /// Puts updates on a workflow task; with `isOnlyUnsent` those that no worker was given before.
    mutating func board(_ startedEventID: Int64, isOnlyUnsent: Bool) {
        for (id, update) in self.byID where !isOnlyUnsent || update.carrier == nil {
            self.byID[id]?.carrier = startedEventID
        }
    }

    /// What a worker gets of the updates on a workflow task: to be done after all of its events.
    func messages(on task: StoredWorkflowTask) -> [ProtocolMessage] {
        self.inOrder.filter { $0.carrier == task.startedEventID }.compactMap { update in
            let id = update.request.meta.updateID
            guard let body = packed(update.request) else { return nil }
            return .with {
                $0.id = requestMessageID(ofUpdate: id)
                $0.protocolInstanceID = id
                $0.eventID = task.startedEventID - 1
                $0.body = body
            }
        }
    }

    private var inOrder: [PendingUpdate] { self.byID.values.sorted { $0.order < $1.order } }
}

/// The message that brings an update to a worker.
func requestMessageID(ofUpdate id: String) -> String { "\(id)/request" }

/// How an update ended, or left its run.
enum UpdateEnd: Sendable {
    /// Its outcome is in history.
    case completed(UpdateOutcome)
    /// Without a trace.
    case rejected(Failure)
    case aborted(ServiceError)
}

extension UpdateEnd {
    static let closedWorkflow = UpdateEnd.aborted(.updateAbortedByClosing)
    /// The run goes on as another one, to which the caller may send the update again.
    static let continuedWorkflow = UpdateEnd.aborted(.workflowClosing)
    static let failedTask = UpdateEnd.aborted(
        ServiceError(
            .workflowNotReady,
            "Unable to perform workflow execution update due to unexpected workflow task failure."))
    static let unprocessed = UpdateEnd.rejected(
        .server(
            "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.",
            type: "UnprocessedUpdate"))
}

extension ServiceError {
    static let updateAbortedByClosing = ServiceError.notFound(
        "workflow update was aborted by closing workflow")
}

extension UpdateOutcome {
    /// Of an update that was accepted by a run which closed before it was done.
    static let closedWorkflow = UpdateOutcome.with {
        $0.failure = .server(
            "Workflow Update failed because the Workflow completed before the Update completed.",
            type: "AcceptedUpdateCompletedWorkflow")
    }
}

extension Failure {
    fileprivate static func server(_ message: String, type: String) -> Failure {
        .with {
            $0.message = message
            $0.source = "Server"
            $0.applicationFailureInfo = .with {
                $0.type = type
                $0.nonRetryable = true
            }
        }
    }
}
