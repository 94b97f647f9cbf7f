import ArgumentParser
import Glibc
import Primitives
import SimulationKernel

/// Where a run's events are written, line by line, so that a trap loses none of them.
final class TraceFile {
    private let file: UnsafeMutablePointer<FILE>

    init(_ path: String) throws {
        guard let file = path == "-" ? fdopen(dup(1), "w") : fopen(path, "w") else {
            throw ValidationError("The trace cannot be written to \(path).")
        }
        setvbuf(file, nil, _IOLBF, 0)
        self.file = file
    }

    /// Writes one event: seconds since the start of the run, then its text.
    func write(_ text: String, at time: Timestamp) {
        let elapsed = (time - SimulationLoop.startTime).nanoseconds
        let fraction = String(elapsed % 1_000_000_000 + 1_000_000_000).dropFirst()
        fputs("\(elapsed / 1_000_000_000).\(fraction) \(text)\n", self.file)
    }

    func close() { fclose(self.file) }
}
