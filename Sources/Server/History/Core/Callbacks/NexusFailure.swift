import SwiftProtobuf
import TemporalAPI

/// A failure as the Nexus protocol carries it: a JSON object.
enum NexusFailure {
    /// The object for a failure of Temporal's, with all that Temporal knows of it in `details`.
    ///
    /// The causes are in there, too, for readers who know no `cause` of Nexus; once is enough.
    static func json(_ failure: Failure) -> String {
        self.json(failure, hasCauseInDetails: true)
    }

    private static func json(_ failure: Failure, hasCauseInDetails: Bool) -> String {
        var details = failure
        details.message = ""
        details.stackTrace = ""
        if !hasCauseInDetails { details.clearCause() }
        var members = [("message", self.quoted(failure.message))]
        if !failure.stackTrace.isEmpty {
            members.append(("stackTrace", self.quoted(failure.stackTrace)))
        }
        members.append(("metadata", #"{"type":"temporal.api.failure.v1.Failure"}"#))
        // Without an `Any` in it a message always has a JSON form.
        members.append(("details", (try? details.jsonString()) ?? "{}"))
        if failure.hasCause {
            members.append(("cause", self.json(failure.cause, hasCauseInDetails: false)))
        }
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                json.append("\\")
                json.unicodeScalars.append(scalar)
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }
}
