import DynamicConfig
import FoundationEssentials
import HistoryCore
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

/// A history in a text file, and the state it must lead to.
///
///     # What this is about
///     1 WorkflowExecutionStarted workflowType.name=Flow taskQueue.name=queue
///     2 WorkflowTaskScheduled taskQueue.name=queue attempt=1
///
///     3 +1s WorkflowTaskStarted scheduledEventId=2
///     =
///     status running
///     task 2 normal attempt 1 started 3
///
/// An event is its id, when it came (seconds after the last one if they differ), its type and the
/// attributes that matter, named as in JSON. An empty line ends a batch. Below `=` is what is in the
/// state besides what every run has.
struct GoldenHistory: Sendable, CustomTestStringConvertible {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    let name: String
    let batches: [[HistoryEvent]]
    let expected: [String]
    let types: Set<EventType>

    var testDescription: String { self.name }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden")

    static func all() throws -> [GoldenHistory] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path())
            .filter { $0.hasSuffix(".txt") }.sorted()
            .map { name in
                let data = try Data(contentsOf: self.folder.appending(path: name))
                return try GoldenHistory(name, String(decoding: data, as: UTF8.self))
            }
    }

    init(_ name: String, _ text: String) throws {
        self.name = name
        var batches: [[HistoryEvent]] = [[]]
        var expected: [String] = []
        var isState = false
        var now = Self.beginning
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { continue }
            if line == "=" {
                isState = true
            } else if isState {
                if !line.isEmpty { expected.append(String(line)) }
            } else if line.isEmpty {
                batches.append([])
            } else {
                batches[batches.count - 1].append(try Self.event(line, &now))
            }
        }
        self.batches = batches.filter { !$0.isEmpty }
        self.expected = expected
        self.types = Set(batches.joined().map(\.eventType))
    }

    static let beginning = Timestamp(nanoseconds: 1_000_000_000_000)

    private static func event(_ line: Substring, _ now: inout Timestamp) throws -> HistoryEvent {
        var words = line.split(separator: " ").map(String.init)
        guard words.count >= 2, let id = Int64(words.removeFirst()) else {
            throw Malformed(description: String(line))
        }
        if words[0].hasPrefix("+"),
            let delay = Settings.duration(.string(String(words.removeFirst().dropFirst())))
        {
            now = now + delay
        }
        var event = try Self.event(ofType: words.removeFirst(), words)
        event.eventID = id
        event.eventTime = now.proto
        return event
    }

    /// An event of a type, with attributes `path.to.field=value`.
    static func event(ofType type: String, _ fields: [String]) throws -> HistoryEvent {
        var attributes = JSONNode.object([:])
        for field in fields {
            let parts = field.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Malformed(description: field) }
            attributes.set(parts[0].split(separator: ".").map(String.init)[...], parts[1])
        }
        let key = type.prefix(1).lowercased() + type.dropFirst() + "EventAttributes"
        let snake = type.reduce(into: "EVENT_TYPE") { name, letter in
            name += letter.isUppercase ? "_\(letter)" : letter.uppercased()
        }
        return try HistoryEvent(
            jsonString: #"{"eventType":"\#(snake)","\#(key)":\#(attributes.text)}"#)
    }
}

/// As much of JSON as attributes need.
private indirect enum JSONNode {
    case object([String: JSONNode])
    case leaf(String)

    mutating func set(_ path: ArraySlice<String>, _ value: String) {
        guard let key = path.first else {
            self = .leaf(value)
            return
        }
        guard case .object(var members) = self else { return }
        var member = members[key] ?? .object([:])
        member.set(path.dropFirst(), value)
        members[key] = member
        self = .object(members)
    }

    var text: String {
        switch self {
        case .object(let members):
            let inner = members.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1.text)" }
            return "{\(inner.joined(separator: ","))}"
        case .leaf(let value):
            let isLiteral =
                value == "true" || value == "false" || value.hasPrefix("[") || value.hasPrefix("{")
            return isLiteral ? value : "\"\(value)\""
        }
    }
}

extension MutableState {
    /// What is in this state besides what every run has, a line each.
    var lines: [String] {
        var lines = ["status \(self.info.status) next \(self.info.nextEventID)"]
        func time(_ nanoseconds: Int64) -> String {
            "+\(Double(nanoseconds - GoldenHistory.beginning.nanoseconds) / 1e9)s"
        }
        func add(_ name: String, _ isThere: Bool, _ value: String) {
            if isThere { lines.append("\(name) \(value)") }
        }
        let info = self.info
        add("run", true, "\(info.runID) first \(info.firstRunID) original \(info.originalRunID)")
        add("attempt", info.attempt > 1, "\(info.attempt)")
        add("after", !info.continuedFromRunID.isEmpty, info.continuedFromRunID)
        add("next run", !info.newExecutionRunID.isEmpty, info.newExecutionRunID)
        add(
            "reset from", !info.resetFromRunID.isEmpty,
            "\(info.resetFromRunID) at \(time(info.startAt))")
        add("closed", info.closeAt != 0, "\(time(info.closeAt)) batch \(info.closeBatchEventID)")
        add("run expires", info.runExpirationAt != 0, time(info.runExpirationAt))
        add("execution expires", info.executionExpirationAt != 0, time(info.executionExpirationAt))
        add("backs off", info.firstTaskBackoffUntil != 0, time(info.firstTaskBackoffUntil))
        add(
            "completed task", info.lastCompletedTaskStartedEventID != 0,
            "\(info.lastCompletedTaskStartedEventID)")
        if info.hasWorkflowTask {
            let task = info.workflowTask
            add(
                "task", true,
                "\(task.scheduledEventID) attempt \(task.attempt) started \(task.startedEventID) on \(task.taskQueue)"
            )
        }
        for activity in self.activities.values.sorted(by: {
            $0.scheduledEventID < $1.scheduledEventID
        }) {
            let canceled =
                activity.cancelRequested ? " canceled by \(activity.cancelRequestedEventID)" : ""
            add(
                "activity", true,
                "\(activity.scheduledEventID) \(activity.activityID) at \(time(activity.scheduledAt)) started \(activity.startedEventID)\(canceled)"
            )
        }
        for timer in self.timers.values.sorted(by: { $0.timerID < $1.timerID }) {
            add(
                "timer", true,
                "\(timer.startedEventID) \(timer.timerID) fires \(time(timer.firesAt))")
        }
        for child in self.children.values.sorted(by: { $0.initiatedEventID < $1.initiatedEventID })
        {
            add(
                "child", true,
                "\(child.initiatedEventID) \(child.workflowID) \(child.parentClosePolicy) as \(child.createRequestID) run \(child.runID) started \(child.startedEventID)"
            )
        }
        for signal in self.externalSignals.values.sorted(by: {
            $0.initiatedEventID < $1.initiatedEventID
        }) {
            add("signal to", true, "\(signal.workflowID) as \(signal.requestID)")
        }
        for cancel in self.externalCancels.values.sorted(by: {
            $0.initiatedEventID < $1.initiatedEventID
        }) {
            add("cancel of", true, "\(cancel.workflowID) as \(cancel.requestID)")
        }
        add(
            "parent", self.hasParent,
            "\(info.parentWorkflowID) \(info.parentRunID) event \(info.parentInitiatedEventID) root \(info.rootWorkflowID) \(info.rootRunID)"
        )
        add("awaits parent", self.awaitsParent, "")
        add(
            "signals", info.signalCount > 0, "\(info.signalCount) \(self.signalRequestIDs.sorted())"
        )
        add("cancel requested", info.cancelRequested, "")
        add("memo", !info.memo.isEmpty, "\(info.memo.keys.sorted())")
        add(
            "search attributes", !info.searchAttributes.isEmpty,
            "\(info.searchAttributes.keys.sorted())")
        add("paused by", info.hasPause, "\(info.pause.identity) at \(time(info.pause.pausedAt))")
        add(
            "override", info.hasVersioningOverride,
            "auto-upgrade \(info.versioningOverride.autoUpgrade)")
        add("priority", info.hasPriority, "\(info.priority.priorityKey)")
        for request in self.attachedRequests.values.sorted(by: { $0.eventID < $1.eventID }) {
            add("attached", true, "\(request.requestID) by event \(request.eventID)")
        }
        for update in self.updates.values.sorted(by: { $0.updateID < $1.updateID }) {
            add(
                "update", true,
                "\(update.updateID) \(update.state) admitted \(update.admittedEventID) accepted \(update.acceptedEventID) completed \(update.completedEventID)"
            )
        }
        for callback in self.callbacks {
            add(
                "callback", true,
                "\(callback.id) \(callback.callback.nexus.url) by \(callback.requestID) at \(time(callback.registeredAt))"
            )
        }
        for point in info.autoResetPoints.points {
            add(
                "reset point", true,
                "\(point.runID) \(point.firstWorkflowTaskCompletedID) \(point.binaryChecksum)\(point.buildID)\(point.resettable ? "" : " not resettable")"
            )
        }
        return lines.map { $0.trimmingSuffix(" ") }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: Character) -> String {
        var text = self
        while text.last == suffix { text.removeLast() }
        return text
    }
}
