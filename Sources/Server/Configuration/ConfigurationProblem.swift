/// Something in a configuration file that cannot be done as written.
package struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    /// Counted from 1; nil if it concerns the whole file.
    package let line: Int?
    package let message: String

    package init(file: String, line: Int?, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    package var description: String {
        guard let line else { return "\(self.file): \(self.message)" }
        return "\(self.file):\(line): \(self.message)"
    }
}

/// Everything that is wrong with a configuration, at once.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) { self.problems = problems }

    package var description: String {
        self.problems.map(\.description).joined(separator: "\n")
    }
}

/// What reading a configuration finds: problems end the start, warnings are logged.
final class Findings {
    private(set) var problems: [ConfigurationProblem] = []
    /// What only a server that runs cannot do with.
    private(set) var startProblems: [ConfigurationProblem] = []
    private(set) var warnings: [ConfigurationProblem] = []

    func refuse(_ node: YAMLTree, _ message: String) {
        self.problems.append(
            ConfigurationProblem(file: node.file, line: node.line, message: message))
    }

    func postpone(_ node: YAMLTree, _ message: String) {
        self.startProblems.append(
            ConfigurationProblem(file: node.file, line: node.line, message: message))
    }

    func warn(_ node: YAMLTree, _ message: String) {
        self.warnings.append(
            ConfigurationProblem(file: node.file, line: node.line, message: message))
    }
}
