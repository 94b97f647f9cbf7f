import TemporalAPI

/// Lists show with it which workflows do not get on.
let reportedProblemsAttribute = "TemporalReportedProblems"

/// Why workflow tasks of a run keep ending without an answer.
enum WorkflowTaskProblem {
    case failed(WorkflowTaskFailedCause)
    case timedOut(Temporal_Api_Enums_V1_TimeoutType)

    /// The value of the search attribute.
    var payload: Temporal_Api_Common_V1_Payload {
        let (kind, cause) =
            switch self {
            case .failed(let cause): ("Failed", Self.name("\(cause)"))
            case .timedOut(let type): ("TimedOut", type.shortName)
            }
        return .keywords([
            "category=WorkflowTask\(kind)", "cause=WorkflowTask\(kind)Cause\(cause)",
        ])
    }

    /// A case's name as Temporal spells it; a cause this server does not know has a number only.
    private static func name(_ name: String) -> String {
        name.prefix(1).uppercased() + name.dropFirst()
    }
}
