import ArgumentParser
import StaticConfiguration
import DynamicConfig

/// `temporal-server validate-config`: reads the configuration as `start` would.
struct ValidateConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate-config",
        abstract: "Check the configuration files without starting anything.")

    @ParentCommand var options: TemporalServer

    func run() throws {
        do throws(ConfigurationError) {
            let configuration = try self.options.load()
            try configuration.checkStart()
            var warnings = configuration.warnings
            if let path = configuration.dynamicConfigFile {
                warnings += try DynamicConfigFile(path: path, over: Settings()).warnings
            }
            for warning in warnings { print("warning: \(warning)") }
            print("The configuration is valid.")
        } catch {
            throw Process.fail(error)
        }
    }
}

/// `temporal-server validate-dynamic-config FILE…`.
struct ValidateDynamicConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate-dynamic-config",
        abstract: "Check dynamic-configuration files.")

    @Argument(help: "Files to check.")
    var files: [String]

    func run() throws {
        var problems: [ConfigurationProblem] = []
        for path in self.files {
            do throws(ConfigurationError) {
                let file = try DynamicConfigFile(path: path, over: Settings())
                for warning in file.warnings { print("warning: \(warning)") }
                print("\(path) is valid.")
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw Process.fail(ConfigurationError(problems)) }
    }
}
