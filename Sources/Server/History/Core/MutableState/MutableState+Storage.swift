import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

/// The kinds of parts a run's state is stored in, besides its info.
package enum RunItem: Int32, Sendable {
    case startedEvent = 1
    case activity = 2
    case activityScheduledEvent = 3
    case timer = 4
    case bufferedEvent = 5
    case signalRequest = 6
    case child = 7
    case externalSignal = 8
    case externalCancel = 9
    case attachedRequest = 13
    case update = 20
    case callback = 14

    /// One part that a change touched.
    package enum Changed: Hashable, Sendable {
        case startedEvent
        case activity(Int64)
        case activityScheduledEvent(Int64)
        case timer(String)
        case bufferedEvent(Int)
        case signalRequest(String)
        case child(Int64)
        case externalSignal(Int64)
        case externalCancel(Int64)
        case attachedRequest(String)
        case update(String)
        case callback(Int)

        /// The key this part is stored under.
        package var key: RunItemKey {
            switch self {
            case .startedEvent: RunItem.startedEvent.key("")
            case .activity(let id): RunItem.activity.key(String(id))
            case .activityScheduledEvent(let id): RunItem.activityScheduledEvent.key(String(id))
            case .timer(let id): RunItem.timer.key(id)
            case .bufferedEvent(let ordinal): RunItem.bufferedEvent.key(String(ordinal))
            case .signalRequest(let id): RunItem.signalRequest.key(id)
            case .child(let id): RunItem.child.key(String(id))
            case .externalSignal(let id): RunItem.externalSignal.key(String(id))
            case .externalCancel(let id): RunItem.externalCancel.key(String(id))
            case .attachedRequest(let id): RunItem.attachedRequest.key(id)
            case .update(let id): RunItem.update.key(id)
            case .callback(let number): RunItem.callback.key(String(number))
            }
        }
    }

    private func key(_ id: String) -> RunItemKey { RunItemKey(kind: self.rawValue, id: id) }
}

extension MutableState {
    /// Reads a stored run.
    /// - Throws: ``HistoryCorrupted`` if a part cannot be read.
    package init(_ record: RunRecord) throws(HistoryCorrupted) {
        self.init()
        do {
            self.info = try StoredExecutionInfo(serializedBytes: record.info)
            for (key, bytes) in record.items.sorted(by: { $0.key < $1.key }) {
                try self.read(key, bytes)
            }
        } catch {
            throw HistoryCorrupted("run \(record.key) cannot be read: \(error)")
        }
        self.bufferedEvents.sort { $0.ordinal < $1.ordinal }
        self.callbacks.sort { $0.number < $1.number }
        guard self.callbacks.map(\.number) == Array(1..<self.callbacks.count + 1) else {
            throw HistoryCorrupted("run \(record.key) misses a callback")
        }
    }

    private mutating func read(_ key: RunItemKey, _ bytes: [UInt8]) throws {
        guard let item = RunItem(rawValue: key.kind) else {
            throw HistoryCorrupted("unknown kind of item \(key.kind)")
        }
        switch item {
        case .startedEvent: self.startedEvent = try HistoryEvent(serializedBytes: bytes)
        case .activity: self.put(try StoredActivity(serializedBytes: bytes))
        case .activityScheduledEvent:
            let event = try HistoryEvent(serializedBytes: bytes)
            self.activityScheduledEvents[event.eventID] = event
        case .timer:
            let timer = try StoredTimer(serializedBytes: bytes)
            self.timers[timer.timerID] = timer
        case .bufferedEvent:
            guard let ordinal = Int(key.id) else {
                throw HistoryCorrupted("buffered event \(key.id)")
            }
            self.bufferedEvents.append(
                BufferedEvent(ordinal: ordinal, event: try HistoryEvent(serializedBytes: bytes)))
        case .signalRequest: self.signalRequestIDs.insert(key.id)
        case .child:
            let child = try StoredChild(serializedBytes: bytes)
            self.children[child.initiatedEventID] = child
        case .externalSignal:
            let signal = try StoredExternalRequest(serializedBytes: bytes)
            self.externalSignals[signal.initiatedEventID] = signal
        case .externalCancel:
            let cancel = try StoredExternalRequest(serializedBytes: bytes)
            self.externalCancels[cancel.initiatedEventID] = cancel
        case .attachedRequest:
            self.attachedRequests[key.id] = try StoredAttachedRequest(serializedBytes: bytes)
        case .update: self.updates[key.id] = try StoredUpdate(serializedBytes: bytes)
        case .callback: self.callbacks.append(try StoredCallback(serializedBytes: bytes))
        }
    }

    /// The stored form of one part; nil if there is no such part any more.
    package func bytes(of key: RunItemKey) -> [UInt8]? {
        guard let item = RunItem(rawValue: key.kind) else { return nil }
        switch item {
        case .startedEvent:
            return self.startedEvent.eventID == 0 ? nil : Self.bytes(self.startedEvent)
        case .activity: return Int64(key.id).flatMap { self.activities[$0] }.map(Self.bytes)
        case .activityScheduledEvent:
            return Int64(key.id).flatMap { self.activityScheduledEvents[$0] }.map(Self.bytes)
        case .timer: return self.timers[key.id].map(Self.bytes)
        case .bufferedEvent:
            return self.bufferedEvents.first { String($0.ordinal) == key.id }
                .map { Self.bytes($0.event) }
        case .signalRequest: return self.signalRequestIDs.contains(key.id) ? [] : nil
        case .child: return Int64(key.id).flatMap { self.children[$0] }.map(Self.bytes)
        case .externalSignal:
            return Int64(key.id).flatMap { self.externalSignals[$0] }.map(Self.bytes)
        case .externalCancel:
            return Int64(key.id).flatMap { self.externalCancels[$0] }.map(Self.bytes)
        case .attachedRequest: return self.attachedRequests[key.id].map(Self.bytes)
        case .update: return self.updates[key.id].map(Self.bytes)
        case .callback: return Int(key.id).flatMap { self.callback($0) }.map(Self.bytes)
        }
    }

    /// Serializes what this process built itself, which cannot fail: no required fields, no `Any`.
    ///
    /// Maps are written in key order, so that the same state is the same bytes.
    package static func bytes(_ message: some SwiftProtobuf.Message) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do { return try message.serializedBytes(options: options) } catch {
            invariantFailure("a message of our own cannot be serialized: \(error)")
        }
    }
}
