import ArgumentParser
import BenchConnections
import FoundationEssentials
import GRPCCore
import Glibc
import TemporalAPI

/// `temporal-bench`: load for any Temporal server, with a worker of its own.
@main
struct TemporalBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "temporal-bench",
        abstract: "Put load on a Temporal server and measure it.",
        discussion: """
            Scenarios, with what SIZE means and its default:
              simple       start, one activity, complete
              chain 10     activities one after the other
              fanout 10    activities at once
              timer 1      timers of one second
              signal 10    signals that the workflow waits for
              backlog      starts without a worker, then a worker comes
              query 64     queries to so many open workflows
              update 64    updates to so many open workflows
              idle 1       workflows that wait, each with so many timers; use --count
              describe     descriptions of the namespace, which take a role in it
              ping         calls that do nothing: what the network and gRPC alone cost
            """)

    @Argument(help: "What to do.")
    var scenario: ScenarioName

    @Argument(help: "How large one operation is; see above.")
    var size: Int?

    @Option(help: "Where the server listens.")
    var address = "127.0.0.1:7233"

    @OptionGroup(title: "Calls") var calls: CallArguments

    @Option(help: "The namespace, which must exist.")
    var namespace = "default"

    @Option(help: "The task queue; one of its own for this run if not given.")
    var taskQueue: String?

    @Option(help: "Operations at once.")
    var concurrency = 64

    @Option(help: "Operations a second; as many as possible if not given.")
    var rate: Double?

    @Option(help: "Operations in all; as many as the duration allows if not given.")
    var count: Int?

    @Option(help: "How long to begin operations, seconds.")
    var duration = 10.0

    @Option(help: "How long to run before anything is measured, seconds.")
    var warmUp = 2.0

    @Option(help: "Polls of each kind that wait at once.")
    var pollers = 16

    @Option(help: "Connections for the load; the worker has its own.")
    var connections: Int?

    @Option(help: "A process whose CPU and memory to report, NAME=PID; may be repeated.")
    var watch: [String] = []

    @Option(help: "Write the results there as JSON; - for standard output instead of text.")
    var json: String?

    @Option(help: "Write a page with latency over time there.")
    var html: String?

    func validate() throws {
        guard ServerAddress(self.address) != nil else {
            throw ValidationError("--address \(self.address): expected HOST:PORT")
        }
        for (name, value) in [
            ("--concurrency", self.concurrency), ("--pollers", self.pollers),
            ("--connections", self.connections ?? 1), ("--count", self.count ?? 1),
            ("SIZE", self.size ?? 1),
        ] where value < 1 {
            throw ValidationError("\(name) \(value): expected 1 or more")
        }
        guard self.duration > 0, self.warmUp >= 0, self.rate ?? 1 > 0 else {
            throw ValidationError("--duration, --rate: expected more than 0; --warm-up: 0 or more")
        }
        for watch in self.watch where ProcessWatch(watch)?.read() == nil {
            throw ValidationError("--watch \(watch): expected NAME=PID of a running process")
        }
    }

    func run() async throws {
        guard let address = ServerAddress(self.address) else { return }
        let count = self.connections ?? 1 + self.concurrency / 50
        let measurements = Measurements()
        let connections: [Connection]
        do {
            let security = self.calls.security, headers = try self.calls.callHeaders()
            connections = try (0...count).map { _ in
                try Connection(to: address, security: security, headers: headers) {
                    measurements.recordRetry()
                }
            }
        } catch {
            throw self.fail("\(error)")
        }
        let upkeep = connections.map { connection in Task { try await connection.run() } }
        defer { for connection in connections { connection.close() } }
        do {
            try await connections[0].ping()
        } catch {
            throw self.fail("no Temporal server answers at \(self.address): \(error)")
        }
        let run = self.loadRun(connections, measurements)
        do {
            let outcome = try await run.run()
            try self.report(self.summary(outcome, measurements))
        } catch let error as RPCError {
            throw self.fail("\(error.code): \(error.message)")
        }
        for task in upkeep { task.cancel() }
        // Long polls of the worker may hang on; nothing is left to wait for.
        Glibc.exit(measurements.count > 0 ? 0 : 1)
    }

    private func loadRun(_ connections: [Connection], _ measurements: Measurements) -> LoadRun {
        let prefix = "bench-\(getpid())-\(time(nil))"
        let taskQueue = self.taskQueue ?? prefix
        let watches = self.watch.compactMap { ProcessWatch($0) } + [.generator]
        let load = Load(
            client: Client(
                namespace: self.namespace, taskQueue: taskQueue, prefix: prefix,
                connections: Array(connections.dropFirst())),
            worker: Worker(
                namespace: self.namespace, taskQueue: taskQueue, connection: connections[0],
                pollerCount: self.pollers, measurements: measurements),
            concurrency: self.concurrency, measurements: measurements, watches: watches,
            say: { Self.write($0 + "\n", to: STDERR_FILENO) })
        let size = self.size ?? self.scenario.sizeDefault
        return LoadRun(
            scenario: self.scenario.scenario(size), load: load, rate: self.rate,
            countMax: self.count, duration: .seconds(self.duration),
            warmUp: self.count == nil ? .seconds(self.warmUp) : .zero)
    }

    private func summary(_ outcome: LoadRun.Outcome, _ measurements: Measurements) -> Summary {
        let count = measurements.count
        return Summary(
            scenario: self.scenario.rawValue, size: self.size ?? self.scenario.sizeDefault,
            concurrency: self.concurrency, rate: self.rate, seconds: outcome.seconds,
            operations: count, operationsPerSecond: Double(count) / max(outcome.seconds, 1e-9),
            latency: measurements.latencies, errors: measurements.errors,
            failureLatency: measurements.failures, retries: measurements.retries,
            usage: outcome.usage, more: outcome.more, course: measurements.course)
    }

    private func report(_ summary: Summary) throws {
        if self.json == "-" {
            Self.write(summary.json + "\n", to: STDOUT_FILENO)
        } else {
            Self.write(summary.text + "\n", to: STDOUT_FILENO)
            if let json { try summary.json.write(toFile: json, atomically: true, encoding: .utf8) }
        }
        if let html {
            try LatencyPage(summary: summary).html.write(
                toFile: html, atomically: true, encoding: .utf8)
        }
    }

    private func fail(_ reason: String) -> ExitCode {
        Self.write("temporal-bench: \(reason)\n", to: STDERR_FILENO)
        return .failure
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest))
                let count = Glibc.write(descriptor, part.baseAddress, part.count)
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
