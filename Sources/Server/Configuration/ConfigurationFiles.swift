import Glibc

/// Where the static configuration is read from.
package struct ConfigurationFiles: Sendable, Equatable {
    /// Paths of `base.yaml`, `<env>.yaml`, `<env>_<zone>.yaml`, later ones on top; or of one file.
    private let candidates: [String]
    /// Whether a missing file is an error.
    private let isSingleFile: Bool
    private let directory: String

    /// Options of the command line, each before its environment variable, before Temporal's default.
    package init(
        root: String?, config: String?, environment: String?, zone: String?, file: String?,
        variables: [String: String]
    ) {
        func option(_ given: String?, _ variable: String, default fallback: String) -> String {
            if let given, !given.isEmpty { return given }
            if let value = variables[variable], !value.isEmpty { return value }
            return fallback
        }
        let file = option(file, "TEMPORAL_SERVER_CONFIG_FILE_PATH", default: "")
        let root = option(root, "TEMPORAL_ROOT", default: ".")
        let config = option(config, "TEMPORAL_CONFIG_DIR", default: "config")
        self.directory = config.hasPrefix("/") ? config : "\(root)/\(config)"
        self.isSingleFile = !file.isEmpty
        guard file.isEmpty else {
            self.candidates = [file]
            return
        }
        let environment = option(environment, "TEMPORAL_ENVIRONMENT", default: "development")
        let zone = option(zone, "TEMPORAL_AVAILABILITY_ZONE", default: "")
        let names =
            ["base", environment] + (zone.isEmpty ? [] : ["\(environment)_\(zone)"])
        self.candidates = names.map { [directory] in "\(directory)/\($0).yaml" }
    }

    /// Reads and merges the files.
    package func load() throws(ConfigurationError) -> ServerConfiguration {
        var texts: [(file: String, text: String)] = []
        for path in self.candidates {
            guard self.isSingleFile || access(path, F_OK) == 0 else { continue }
            texts.append((path, try TextFile.read(path)))
        }
        guard !texts.isEmpty else {
            let names = self.candidates.joined(separator: ", ")
            throw ConfigurationError([
                ConfigurationProblem(
                    file: self.directory, line: nil,
                    message: "there is no configuration file: \(names)")
            ])
        }
        return try ServerConfiguration(texts: texts)
    }
}

extension ServerConfiguration {
    /// Reads files of which later ones are laid on top of earlier ones.
    package init(texts: [(file: String, text: String)]) throws(ConfigurationError) {
        var merged = YAMLTree(file: texts.first?.file ?? "", line: 1, value: .null)
        for (file, text) in texts {
            try Self.refuseTemplate(text, file)
            merged = merged.merged(with: try YAMLTree.parse(text, file: file))
        }
        try self.init(merged)
    }

    /// Temporal renders files with this comment as templates over environment variables.
    private static func refuseTemplate(
        _ text: String, _ path: String
    ) throws(ConfigurationError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated()
        where line.hasPrefix("#") && line.contains("enable-template") {
            throw ConfigurationError([
                ConfigurationProblem(
                    file: path, line: index + 1,
                    message: "templates (enable-template) are not supported yet")
            ])
        }
    }
}

/// Text files, with errors an operator can act on.
package enum TextFile {
    private static let sizeMax = 16 << 20

    package static func read(_ path: String) throws(ConfigurationError) -> String {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.failure(path, errno) }
        defer { Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw self.failure(path, errno) }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
            guard bytes.count <= self.sizeMax else { throw self.failure(path, EFBIG) }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw self.failure(path, EILSEQ)
        }
        return text
    }

    private static func failure(_ path: String, _ code: Int32) -> ConfigurationError {
        let reason = code == EILSEQ ? "it is not UTF-8 text" : String(cString: strerror(code))
        return ConfigurationError([
            ConfigurationProblem(file: path, line: nil, message: "cannot be read: \(reason)")
        ])
    }
}
