import ArgumentParser

/// The scenarios by the names people use.
enum ScenarioName: String, CaseIterable, ExpressibleByArgument {
    case simple, chain, fanout, timer, signal, backlog, query, update, idle, describe, ping

    /// How large one operation is if nobody says it.
    var sizeDefault: Int {
        switch self {
        case .simple, .timer, .backlog, .idle, .describe, .ping: 1
        case .chain, .fanout, .signal: 10
        case .query, .update: 64
        }
    }

    func scenario(_ size: Int) -> any Scenario {
        switch self {
        case .simple: WholeWorkflows(program: .chain(activities: 1))
        case .chain: WholeWorkflows(program: .chain(activities: size))
        case .fanout: WholeWorkflows(program: .fanout(activities: size))
        case .timer: WholeWorkflows(program: .timers(size, .seconds(1)))
        case .signal: WholeWorkflows(program: .signals(size), signalCount: size)
        case .backlog: Backlog()
        case .query: OpenWorkflows(.query, workflowCount: size)
        case .update: OpenWorkflows(.update, workflowCount: size)
        case .idle: Idle(timersEach: size)
        case .describe: Describe()
        case .ping: Ping()
        }
    }
}
