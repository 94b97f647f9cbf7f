import Testing

/// Which modules a folder may not import, and why.
struct ImportRule: Sendable, CustomTestStringConvertible {
    let folders: [String]
    var except: [String] = []
    let forbidden: Set<String>
    let reason: String

    var testDescription: String { self.reason }

    func violations(in files: [SourceFile]) -> [String] {
        files.filter { $0.isIn(self.folders) && !$0.isIn(self.except) }.flatMap { file in
            file.imports.filter { self.forbidden.contains($0.module) }
                .map { "\(file.place($0.line)) imports \($0.module): \(self.reason)" }
        }
    }
}

@Suite struct LayeringTests {
    static let services: Set<String> = [
        "AuthorizationService", "Frontend", "HistoryService", "MatchingService", "WorkerService",
    ]
    static let wiring: Set<String> = [
        "Bootstrap", "StaticConfiguration", "GRPCTransport", "PersistenceMemory",
        "PersistencePostgreSQL", "PersistenceSQL", "PersistenceSQLite",
    ]
    static let simulator: Set<String> = [
        "CSimulation", "SimulatedWorld", "SimulationKernel", "Workloads",
    ]
    static let cores = [
        "Sources/Server/Authorization/Core", "Sources/Server/History/Core",
        "Sources/Server/Matching/Core",
    ]

    static let rules: [ImportRule] =
        zip(
            [
                "Sources/Server/Authorization", "Sources/Server/Frontend", "Sources/Server/History",
                "Sources/Server/Matching", "Sources/Server/Worker",
            ],
            [
                "AuthorizationService", "Frontend", "HistoryService", "MatchingService",
                "WorkerService",
            ]
        ).map { folder, service in
            ImportRule(
                folders: [folder], forbidden: Self.services.subtracting([service]),
                reason: "a service reaches others through a client protocol")
        }
        + [
            ImportRule(
                folders: Self.cores, forbidden: Self.services,
                reason: "no core knows the service around it"),
            ImportRule(
                folders: ["Sources/Server/Frontend", "Sources/Server/Matching"],
                forbidden: ["HistoryCore"], reason: "a core belongs to its own service"),
            ImportRule(
                folders: ["Sources/Server/Frontend", "Sources/Server/History"],
                forbidden: ["MatchingCore"], reason: "a core belongs to its own service"),
            ImportRule(
                folders: ["Sources"],
                except: ["Sources/Server/Bootstrap", "Sources/Server/Main"],
                forbidden: ["GRPCTransport", "PersistenceSQLite", "PersistencePostgreSQL"],
                reason: "only the wiring chooses a transport and a database"),
            ImportRule(
                folders: ["Sources/Server"],
                except: [
                    "Sources/Server/Bootstrap", "Sources/Server/Main",
                    "Sources/Server/Configuration", "Sources/Server/Transport",
                    "Sources/Server/Persistence",
                ],
                forbidden: Self.wiring, reason: "nothing below the wiring knows it"),
            ImportRule(
                folders: ["Sources/Server"], forbidden: Self.simulator,
                reason: "the server does not know that a simulator exists"),
            ImportRule(
                folders: [
                    "Sources/Server/Primitives", "Sources/Server/DynamicConfig",
                    "Sources/Server/Persistence/Stores", "Sources/Server/Clients",
                ],
                forbidden: Self.services.union(Self.wiring).union([
                    "HistoryCore", "MatchingCore", "Logging", "Metrics",
                ]), reason: "seams know no implementation"),
            ImportRule(
                folders: Self.cores,
                forbidden: [
                    "Logging", "Metrics", "Synchronization", "Dispatch", "Glibc", "NIOCore",
                    "GRPCCore", "ServiceLifecycle",
                ], reason: "machines do nothing but decide"),
            ImportRule(
                folders: ["Sources"],
                except: [
                    "Sources/Server/Bootstrap", "Sources/Server/Main",
                    "Sources/Server/Configuration", "Sources/Server/Persistence/SQLite",
                    "Sources/Server/API/DescriptorEmbedder",
                    "Sources/Server/API/DescriptorPlugin",
                ],
                forbidden: ["Foundation"],
                reason: "Foundation brings clocks and threads; FoundationEssentials has Data"),
            ImportRule(
                folders: ["Sources/Simulator"], except: ["Sources/Simulator/Main"],
                forbidden: ["Dispatch", "Glibc", "FoundationNetworking"],
                reason: "the simulator's world is made from its seed alone"),
        ]

    @Test("Imports point down", arguments: Self.rules)
    func importsPointDown(rule: ImportRule) {
        let violations = rule.violations(in: Repository.sources)
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    @Test("An import that breaks a rule is found")
    func breachIsFound() {
        let file = SourceFile(
            path: "Sources/Server/Frontend/Bad.swift",
            text: "// import HistoryService\n@preconcurrency import struct HistoryService.Shard\n")
        let found = Self.rules.flatMap { $0.violations(in: [file]) }
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("Sources/Server/Frontend/Bad.swift:2 ") == true)
    }

    @Test("The simulator's interface to the runtime stays in one file")
    func runtimeInterfaceStaysInOneFile() {
        let users = Repository.sources.filter { file in
            file.codeLines.contains { $0.contains("@_spi(") || $0.contains("@_silgen_name(") }
        }
        #expect(users.map(\.path) == ["Sources/Simulator/Kernel/SimulatedExecutors.swift"])
    }
}
