import StaticConfiguration
import Glibc
import Logging
import Synchronization

/// Where log lines go: one write for each line, so that lines of several threads never mix.
package final class LogOutput: Sendable {
    private let descriptor: Int32
    private let lock = Mutex(())

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Why a log file cannot be used.
    package struct OpenError: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package static func open(
        _ destination: ServerConfiguration.Log.Destination
    ) throws(OpenError) -> LogOutput {
        switch destination {
        case .standardError: return LogOutput(descriptor: STDERR_FILENO)
        case .standardOutput: return LogOutput(descriptor: STDOUT_FILENO)
        case .file(let path):
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                let reason = String(cString: strerror(errno))
                throw OpenError(description: "log file \(path) cannot be written: \(reason)")
            }
            return LogOutput(descriptor: descriptor)
        }
    }

    func write(_ line: String) {
        var line = line
        self.lock.withLock { _ in
            line.withUTF8 { bytes in
                var rest = UnsafeRawBufferPointer(bytes)
                while !rest.isEmpty {
                    let count = Glibc.write(self.descriptor, rest.baseAddress, rest.count)
                    // There is nobody to tell when a log cannot be written.
                    guard count > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                }
            }
        }
    }
}

/// Writes log lines as text or JSON: level, time, message, then the metadata by name.
package struct LogLines: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: ServerConfiguration.Log.Format
    private let output: LogOutput

    package init(
        label: String, level: Logger.Level, format: ServerConfiguration.Log.Format,
        output: LogOutput
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = self.metadata
        fields.merge(self.metadataProvider?.get() ?? [:]) { $1 }
        fields.merge(event.metadata ?? [:]) { $1 }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        self.output.write(
            Self.line(
                format: self.format, level: event.level, time: Self.time(), label: self.label,
                message: event.message.description, fields: sorted))
    }

    /// One line, with the line break at its end and no other.
    package static func line(
        format: ServerConfiguration.Log.Format, level: Logger.Level, time: String, label: String,
        message: String, fields: [(key: String, value: String)]
    ) -> String {
        var line = ""
        switch format {
        case .json:
            line += "{\"level\":\"\(level.shortName)\",\"ts\":\"\(time)\",\"msg\":"
            line += message.quoted
            line += ",\"logger\":\(label.quoted)"
            for (key, value) in fields { line += ",\(key.quoted):\(value.quoted)" }
            line += "}"
        case .text:
            line += "\(time) \(level.shortName.uppercased()) \(message.onOneLine)"
            for (key, value) in fields {
                let isPlain =
                    !value.isEmpty && value.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 < 127 }
                line += " \(key)=\(isPlain ? value : value.quoted)"
            }
        }
        return line + "\n"
    }

    /// The time of day, UTC, with milliseconds.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let milliseconds = String(1_000 + now.tv_nsec / 1_000_000).dropFirst()
        let head = text.prefix(count).map { UInt8(bitPattern: $0) }
        return String(decoding: head, as: UTF8.self) + ".\(milliseconds)Z"
    }
}

extension Logger.Level {
    fileprivate var shortName: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }

    /// The level of a configuration; nil for "never".
    package init?(_ level: ServerConfiguration.Log.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .warn: self = .warning
        case .error: self = .error
        case .fatal: self = .critical
        case .never: return nil
        }
    }
}

extension String {
    /// This text as a JSON string.
    fileprivate var quoted: String {
        var text = "\""
        for scalar in self.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    fileprivate var onOneLine: String {
        guard self.utf8.contains(where: { $0 < 32 }) else { return self }
        return String(self.quoted.dropFirst().dropLast())
    }
}

/// Sends the log lines of the whole process to one place; to be called once, before anything logs.
package func bootstrapLogging(_ log: ServerConfiguration.Log) throws(LogOutput.OpenError) {
    guard let level = Logger.Level(log.level) else {
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        return
    }
    let output = try LogOutput.open(log.destination)
    LoggingSystem.bootstrap { label in
        LogLines(label: label, level: level, format: log.format, output: output)
    }
}
