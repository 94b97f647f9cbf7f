import Logging
import SimulationKernel

/// Puts what a host logs into the run's trace.
struct TraceLogHandler: LogHandler {
    let loop: SimulationLoop
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    /// Given each entry.
    private let reader: @Sendable (String) -> Void

    init(
        loop: SimulationLoop, logLevel: Logger.Level = .warning,
        reader: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.loop = loop
        self.logLevel = logLevel
        self.reader = reader
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let text = (["log \(event.level): \(event.message)"] + metadata).joined(separator: " ")
        self.loop.record(text)
        self.reader(text)
    }
}
