import Primitives
import ServiceClients

/// The queries of a queue: those that wait for a poll, and those a worker has.
package struct QueryTasks: Sendable {
    package struct Query: Sendable {
        package let call: CallID
        package let dispatch: QueryDispatch

        package init(call: CallID, dispatch: QueryDispatch) {
            self.call = call
            self.dispatch = dispatch
        }
    }

    private var waiting = SortedQueue<CallID, Query>()
    private var callsByTaskID: [String: CallID] = [:]
    private var taskIDsByCall: [CallID: String] = [:]

    package init() {}

    package var count: Int { self.waiting.count + self.taskIDsByCall.count }
    package var hasWaiting: Bool { !self.waiting.isEmpty }

    package mutating func insert(_ query: Query) { self.waiting.insert(query, for: query.call) }

    package mutating func popFirst() -> Query? { self.waiting.popFirst()?.value }

    /// A worker gets the query, under `taskID`.
    package mutating func delivered(_ query: Query, as taskID: String) {
        self.callsByTaskID[taskID] = query.call
        self.taskIDsByCall[query.call] = taskID
    }

    /// A worker answers: who asked, or nil if nobody waits for it any more.
    package mutating func answered(_ taskID: String) -> CallID? {
        guard let call = self.callsByTaskID.removeValue(forKey: taskID) else { return nil }
        self.taskIDsByCall[call] = nil
        return call
    }

    /// Forgets a query in whichever state it is.
    /// - Returns: false if it was not known.
    package mutating func remove(_ call: CallID) -> Bool {
        if let taskID = self.taskIDsByCall.removeValue(forKey: call) {
            self.callsByTaskID[taskID] = nil
            return true
        }
        return self.waiting.remove(call) != nil
    }

    /// Forgets the queries no worker has; who asked, first come first.
    package mutating func removeWaiting() -> [CallID] { self.waiting.removeAll().map(\.key) }

    /// Forgets the queries workers have; who asked, in order.
    package mutating func removeDelivered() -> [CallID] {
        let calls = self.taskIDsByCall.keys.sorted()
        self.callsByTaskID.removeAll()
        self.taskIDsByCall.removeAll()
        return calls
    }
}
