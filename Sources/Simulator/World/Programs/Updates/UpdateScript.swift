import Primitives
import SwiftProtobuf
import TemporalAPI

/// What a worker does with an update: the update's name says so, and its outcome is known.
package enum UpdateScript: Equatable, Sendable {
    /// Accepts it and completes it at once.
    case completes
    /// Accepts it, and completes it after a timer.
    case completesLater(milliseconds: Int)
    /// Accepts it and says at once that it failed.
    case fails
    case rejects
    /// Says nothing of it.
    case isIgnored

    static func draw(_ number: Int, _ delay: Int) -> UpdateScript {
        switch number {
        case 0..<4: .completes
        case 4..<7: .completesLater(milliseconds: delay)
        case 7: .fails
        case 8..<11: .rejects
        default: .isIgnored
        }
    }

    package var isAccepted: Bool {
        switch self {
        case .completes, .completesLater, .fails: true
        case .rejects, .isIgnored: false
        }
    }

    /// The outcome that its sender sees, as ``UpdateResult`` tells it.
    package func result(of id: String) -> UpdateResult {
        switch self {
        case .completes, .completesLater: UpdateResult(text: "done \(id)", isFailure: false)
        case .fails: UpdateResult(text: "failed \(id)", isFailure: true)
        case .rejects: UpdateResult(text: "rejected \(id)", isFailure: true)
        case .isIgnored: UpdateResult(text: "UnprocessedUpdate", isFailure: true)
        }
    }

    package var text: String {
        switch self {
        case .completes: "completes"
        case .completesLater(let milliseconds): "completesLater \(milliseconds)"
        case .fails: "fails"
        case .rejects: "rejects"
        case .isIgnored: "isIgnored"
        }
    }

    package init?(text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "completes": self = .completes
        case "completesLater":
            guard words.count == 2, let number = Int(words[1]) else { return nil }
            self = .completesLater(milliseconds: number)
        case "fails": self = .fails
        case "rejects": self = .rejects
        case "isIgnored": self = .isIgnored
        default: return nil
        }
    }
}

/// An update's outcome, in short.
package struct UpdateResult: Equatable, Sendable, CustomStringConvertible {
    package typealias Outcome = Temporal_Api_Update_V1_Outcome

    /// What the worker says; for failures of the server's own, their type.
    package let text: String
    package let isFailure: Bool

    /// The run closed before the worker was done.
    package static let cutShort = UpdateResult(
        text: "AcceptedUpdateCompletedWorkflow", isFailure: true)

    package init(text: String, isFailure: Bool) {
        self.text = text
        self.isFailure = isFailure
    }

    package init(_ outcome: Outcome) {
        let failure = outcome.failure
        switch outcome.value {
        case .failure:
            let isOfServer = failure.source == "Server"
            self.init(
                text: isOfServer ? failure.applicationFailureInfo.type : failure.message,
                isFailure: true)
        default: self.init(text: outcome.success.text, isFailure: false)
        }
    }

    package var outcome: Outcome {
        .with {
            if self.isFailure {
                $0.failure.message = self.text
                $0.failure.applicationFailureInfo.type = "Scripted"
            } else {
                $0.success = Payloads(text: self.text)
            }
        }
    }

    package var description: String { self.isFailure ? "failure: \(self.text)" : self.text }
}
