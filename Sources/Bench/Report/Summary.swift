import FoundationEssentials

/// What a run of the generator found, as it is printed and written.
struct Summary: Codable, Sendable {
    struct Usage: Codable, Sendable {
        let name: String
        let cpuSeconds: Double
        /// CPU time per operation, milliseconds.
        let cpuPerOperation: Double
        /// Of one core, over the measured time.
        let coreShare: Double
        /// Resident memory at the end, MiB.
        let residentMiB: Double
    }

    let scenario: String
    let size: Int
    let concurrency: Int
    /// Operations per second that were asked for; nil if as many as possible.
    let rate: Double?
    /// Measured time, seconds.
    let seconds: Double
    let operations: Int
    let operationsPerSecond: Double
    /// Milliseconds.
    let latency: Latencies
    let errors: [String: Int]
    /// How long operations took that failed; milliseconds.
    let failureLatency: Latencies
    /// Calls that were made again because their connection ended.
    let retries: Int
    let usage: [Usage]
    /// What the scenario has to say beyond that, by name.
    let more: [String: Double]
    /// Latencies of each second.
    let course: [Latencies]

    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// For people.
    var text: String {
        var lines = [
            "\(self.scenario) \(self.size), concurrency \(self.concurrency)"
                + (self.rate.map { ", \(number($0, 1)) a second asked for" } ?? ""),
            "\(self.operations) operations in \(number(self.seconds, 1)) s: "
                + "\(number(self.operationsPerSecond, 1)) a second",
            "latency ms: p50 \(number(self.latency.p50, 2))  p90 \(number(self.latency.p90, 2))  "
                + "p95 \(number(self.latency.p95, 2))  p99 \(number(self.latency.p99, 2))  "
                + "p99.9 \(number(self.latency.p999, 2))  max \(number(self.latency.max, 2))",
        ]
        for use in self.usage {
            lines.append(
                "\(use.name): \(number(use.cpuPerOperation, 3)) ms CPU per operation, "
                    + "\(number(use.coreShare * 100, 1)) % of a core, "
                    + "\(number(use.residentMiB, 0)) MiB resident")
        }
        for (name, value) in self.more.sorted(by: { $0.key < $1.key }) {
            lines.append("\(name): \(number(value, 2))")
        }
        let errors = self.errors.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        lines.append("errors: \(errors.isEmpty ? "none" : errors.joined(separator: ", "))")
        if self.failureLatency.count > 0 {
            lines.append(
                "failures ms: p50 \(number(self.failureLatency.p50, 2))  "
                    + "p99 \(number(self.failureLatency.p99, 2))  "
                    + "max \(number(self.failureLatency.max, 2))")
        }
        if self.retries > 0 {
            lines.append("calls made again because a connection ended: \(self.retries)")
        }
        return lines.joined(separator: "\n")
    }
}

/// A number with so many digits after the point.
func number(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((value * scale).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = "\(abs(scaled) % Int(scale))"
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(scaled < 0 ? "-" : "")\(abs(scaled) / Int(scale)).\(zeros)\(fraction)"
}
