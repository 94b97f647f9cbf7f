import Glibc
import PersistencePostgreSQL
import StaticConfiguration
import Synchronization

/// Runs the command that prints a database password.
package enum PasswordCommandRun {
    /// The first line the command prints; what it says on standard error goes to ours.
    package static func output(
        of command: PostgreSQLDatastore.PasswordCommand
    ) throws(PostgreSQLOptions.PasswordUnavailable) -> String {
        let (process, output) = try Self.starting.withLock {
            (_) throws(PostgreSQLOptions.PasswordUnavailable) in try Self.start(command)
        }
        defer { close(output) }
        var status: Int32 = 0
        let text: String
        do throws(PostgreSQLOptions.PasswordUnavailable) {
            text = try Self.read(output, within: command.timeout)
        } catch {
            kill(process, SIGKILL)
            waitpid(process, &status, 0)
            throw error
        }
        waitpid(process, &status, 0)
        guard status == 0 else { throw Self.failure("ended with status \(status >> 8 & 0xff)") }
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).first ?? ""
        guard !line.isEmpty else { throw Self.failure("printed nothing") }
        return String(line)
    }

    /// Held from the making of a pipe until no other command can inherit it.
    private static let starting = Mutex(())

    /// Starts the command.
    /// - Returns: its process, and where its output can be read.
    private static func start(
        _ command: PostgreSQLDatastore.PasswordCommand
    ) throws(PostgreSQLOptions.PasswordUnavailable) -> (process: pid_t, output: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw self.failure("cannot be run: \(self.reason(errno))")
        }
        defer { close(ends[1]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        let words = ([command.command] + command.arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var process = pid_t()
        let code = posix_spawnp(&process, command.command, &actions, nil, words + [nil], environ)
        guard code == 0 else {
            close(ends[0])
            throw self.failure("cannot be run: \(self.reason(code))")
        }
        return (process, ends[0])
    }

    private static func read(
        _ descriptor: Int32, within timeout: Duration
    ) throws(PostgreSQLOptions.PasswordUnavailable) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let deadline = ContinuousClock.now + timeout
        while bytes.count < 1 << 16 {
            let rest = (deadline - .now).components
            let milliseconds = rest.seconds * 1_000 + rest.attoseconds / 1_000_000_000_000_000
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(clamping: max(milliseconds, 0))) > 0 else {
                throw self.failure("took longer than \(timeout)")
            }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func failure(_ what: String) -> PostgreSQLOptions.PasswordUnavailable {
        PostgreSQLOptions.PasswordUnavailable("passwordCommand \(what)")
    }

    private static func reason(_ code: Int32) -> String {
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
