import ArgumentParser
import Bootstrap
import StaticConfiguration
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// What the process and its surroundings have to do with each other.
enum Process {
    /// The environment variables.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                variables[String(text[..<separator])] = String(
                    text[text.index(after: separator)...])
            }
            next += 1
        }
        return variables
    }

    /// Says why the server does not start or run, and what the process ends with.
    static func fail(_ reason: some CustomStringConvertible) -> ExitCode {
        for line in reason.description.split(separator: "\n") {
            self.write("temporal-server: \(line)\n", to: STDERR_FILENO)
        }
        return .failure
    }

    /// Writes at once, past the buffers of standard output.
    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Starts a server, says so, and runs it until a signal ends it.
    static func serve(_ plan: ServerPlan, announcement: (ServerAssembly) -> String) async throws {
        // A caller who hangs up is an error of that connection, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let logger = Logger(label: "server")
        let assembly: ServerAssembly
        do throws(StartError) {
            assembly = try await ServerAssembly.start(plan, logger: logger)
        } catch {
            throw self.fail(error)
        }
        let interrupts = Task { await self.exitOnSecondInterrupt() }
        defer { interrupts.cancel() }
        let group = ServiceGroup(
            services: [assembly], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() })
        self.write(announcement(assembly) + "\n", to: STDOUT_FILENO)
        do {
            try await group.run()
        } catch let error as StartError {
            throw self.fail(error)
        }
    }

    /// The first Ctrl-C asks for a shutdown, the second one does not wait for it.
    private static func exitOnSecondInterrupt() async {
        var count = 0
        for await _ in await UnixSignalsSequence(trapping: .sigint) {
            count += 1
            if count > 1 { exit(130) }
        }
    }
}
