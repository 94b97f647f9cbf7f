import Glibc

/// This process's claim on a database file, which no other process can have at the same time.
///
/// A `flock` on a file beside the database: the kernel drops it when the process ends in whatever
/// way, so it is never stale, and it tells two openings by one process apart as well. A lock on the
/// database file itself would not do: closing any descriptor of that file drops SQLite's own locks.
/// The lock file stays when the database is closed, because removing it would let two processes
/// lock two files of the same name.
final class DatabaseLock: Sendable {
    private let descriptor: Int32

    /// Locks the database file at `path`, which need not exist yet.
    init(path: String) throws(SQLiteOpenError) {
        let real = try Self.realPath(of: path)
        self.descriptor = Glibc.open(real + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else {
            throw .notWritable(path: path, reason: Self.reason(errno))
        }
        guard flock(self.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            Glibc.close(self.descriptor)
            throw code == EWOULDBLOCK
                ? .inUse(path: path) : .failed(path: path, reason: Self.reason(code))
        }
    }

    deinit { Glibc.close(self.descriptor) }

    /// The one name of a file that may be reached by several.
    private static func realPath(of path: String) throws(SQLiteOpenError) -> String {
        if let real = self.resolved(path) { return real }
        guard errno == ENOENT else { throw .notWritable(path: path, reason: self.reason(errno)) }
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        guard let real = self.resolved(directory) else {
            throw .missingDirectory(path: path, directory: directory)
        }
        return "\(real)/\(name)"
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func reason(_ code: Int32) -> String {
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
