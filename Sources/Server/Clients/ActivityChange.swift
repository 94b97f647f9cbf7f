import Primitives
import TemporalAPI

/// Which pending activities of a run an operator means.
package enum ActivitySelection: Sendable {
    case id(String)
    case type(String)
    case all
}

/// What an operator does to pending activities.
package enum ActivityChange: Sendable {
    /// `requestID` tells a repeated request from a second one.
    case pause(identity: String, reason: String, requestID: String)
    case unpause(resetsAttempts: Bool, resetsHeartbeat: Bool, jitter: Duration)
    case reset(
        resetsHeartbeat: Bool, keepsPaused: Bool, restoresOptions: Bool, jitter: Duration)
    /// Takes the options over that `fields` names, in lower camel case.
    case update(Temporal_Api_Activity_V1_ActivityOptions, fields: Set<String>)
    /// Takes the options of the scheduled event over again.
    case restoreOptions
}
