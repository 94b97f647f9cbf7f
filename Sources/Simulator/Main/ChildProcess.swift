import ArgumentParser
import Glibc

/// This program again, as another process, with its output collected.
final class ChildProcess {
    private let id: pid_t
    private let pipe: Int32
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false
    /// As a shell sees it; meaningful once it has ended.
    private(set) var exitStatus: Int32 = 0

    var output: String { String(decoding: self.bytes, as: UTF8.self) }

    init(arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw ValidationError("No pipe can be made.") }
        // Other children must not keep this one's output open.
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        posix_spawn_file_actions_addclose(&actions, ends[1])
        var words: [UnsafeMutablePointer<CChar>?] =
            ([CommandLine.arguments[0]] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var id: pid_t = 0
        let error = posix_spawn(&id, "/proc/self/exe", &actions, nil, &words, environ)
        close(ends[1])
        guard error == 0 else {
            close(ends[0])
            throw ValidationError("No process can be started: \(String(cString: strerror(error)))")
        }
        self.id = id
        self.pipe = ends[0]
    }

    /// Waits until one of `processes` says something or ends, and takes note of it.
    static func waitForOutput(of processes: [ChildProcess]) {
        var polled = processes.map { pollfd(fd: $0.pipe, events: Int16(POLLIN), revents: 0) }
        guard poll(&polled, nfds_t(polled.count), -1) > 0 else { return }
        for (process, entry) in zip(processes, polled) where entry.revents != 0 { process.read() }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(self.pipe, &buffer, buffer.count)
        if count > 0 { return self.bytes.append(contentsOf: buffer[..<count]) }
        close(self.pipe)
        var status: Int32 = 0
        waitpid(self.id, &status, 0)
        let signal = status & 0x7f
        self.exitStatus = signal == 0 ? (status >> 8) & 0xff : 128 + signal
        self.hasEnded = true
    }
}
