import Logging
import SimulationKernel

/// Puts what a host logs into the run's trace.
struct TraceLogHandler: LogHandler {
    let loop: SimulationLoop
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        self.loop.record(
            (["log \(event.level): \(event.message)"] + metadata).joined(separator: " "))
    }
}
