import Primitives
import SwiftProtobuf
import TemporalAPI

/// Holds what became of calls against what might have become of them.
package struct AccessChecker {
    package enum Outcome: Equatable, Sendable {
        case letIn
        case denied
        /// Nobody could be asked who calls.
        case unanswered
        /// It is not known what became of the call.
        case lost

        init(_ error: ServiceError?) {
            switch error?.kind {
            case .permissionDenied where error?.message == "Request unauthorized.": self = .denied
            case .unavailable where error?.message == Self.nobodyToAsk: self = .unanswered
            case .unavailable, .deadlineExceeded, .cancelled: self = .lost
            default: self = .letIn
            }
        }

        private static let nobodyToAsk = "who calls cannot be verified now, please retry"
    }

    /// Longer than a call can be under way before it is known who calls, beside asking for that.
    private static let slack = Duration.milliseconds(100)

    private let model: AccessModel
    private let wasTroubled: (ClosedRange<Timestamp>) -> Bool

    /// - Parameters:
    ///   - model: says what might become of a call.
    ///   - wasTroubled: whether anybody may have been believed not to answer at some time.
    package init(
        _ model: AccessModel, wasTroubled: @escaping (ClosedRange<Timestamp>) -> Bool
    ) {
        self.model = model
        self.wasTroubled = wasTroubled
    }

    /// When a call was decided that was made and answered in this time.
    func decided(_ time: ClosedRange<Timestamp>) -> ClosedRange<Timestamp> {
        let latest = time.lowerBound + self.model.settings.timeout + Self.slack
        return time.lowerBound...min(time.upperBound, latest)
    }

    package func possibilities(
        _ question: AccessQuestion, in time: ClosedRange<Timestamp>
    ) -> AccessPossibilities {
        self.model.possibilities(question, decidedIn: self.decided(time))
    }

    /// - Returns: what is wrong with this outcome of a call, which took this time; nil if nothing
    ///   is.
    package func problem(
        _ outcome: Outcome, of question: AccessQuestion, in time: ClosedRange<Timestamp>
    ) -> String? {
        let possible = self.possibilities(question, in: time)
        let wrong: String? =
            switch outcome {
            case .letIn: possible.isLetIn ? nil : "was let in"
            case .denied: possible.isDenied ? nil : "was denied"
            case .unanswered where !possible.isAsked: "waited for somebody outside"
            case .unanswered: self.wasTroubled(time) ? nil : "was not answered without trouble"
            case .lost: nil
            }
        return wrong.map {
            "\(question.rpc.method) in \(question.namespaces), called with \(question.header) at "
                + "\(time.lowerBound), \($0)"
        }
    }

    /// - Returns: what is wrong with a list of all namespaces; nil if nothing is.
    package func problem(
        listed: Set<String>, of registered: [String], by token: AccessToken,
        in time: ClosedRange<Timestamp>
    ) -> String? {
        let time = self.decided(time)
        for name in listed.sorted() where !self.model.sees(name, token, decidedIn: time).most {
            return "\(token.email) sees \(name) listed"
        }
        for name in registered
        where self.model.sees(name, token, decidedIn: time).least && !listed.contains(name) {
            return "\(token.email) does not see \(name) listed"
        }
        return nil
    }
}

extension AccessQuestion.Header: CustomStringConvertible {
    /// What may be told of it.
    package var description: String {
        switch self {
        case .none: "no header"
        case .malformed: "no bearer token"
        case .bearer(let token):
            "a token of \(token.email)\(token.defect.map { " (\($0))" } ?? "") "
                + "until \(token.expiresAt)"
        }
    }

    /// What is sent.
    var text: String? {
        switch self {
        case .none: nil
        case .malformed(let text): text
        case .bearer(let token): "Bearer \(token.text)"
        }
    }
}
