// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
    + ["ExistentialAny", "MemberImportVisibility", "NonisolatedNonsendingByDefault"]
    .map { .enableUpcomingFeature($0) }

func server(_ name: String, _ path: String, _ uses: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: uses, path: "Sources/Server/\(path)", swiftSettings: settings)
}

func simulator(_ name: String, _ path: String, _ uses: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: uses, path: "Sources/Simulator/\(path)",
        swiftSettings: settings)
}

func unitTests(_ name: String, _ uses: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: uses + ["Primitives", "TemporalAPI", protobuf],
        path: "Tests/Unit/\(name)", swiftSettings: settings)
}

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let grpc: [Target.Dependency] = [
    .product(name: "GRPCCore", package: "grpc-swift-2"),
    .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
    .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
]
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOHPACK", package: "swift-nio-http2"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let httpClient = Target.Dependency.product(
    name: "AsyncHTTPClient", package: "async-http-client")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let words: [Target.Dependency] = ["Primitives", "TemporalAPI", protobuf]

let package = Package(
    name: "temporal-server",
    products: [
        .executable(name: "temporal-server", targets: ["temporal-server"]),
        .executable(name: "temporal-simulator", targets: ["temporal-simulator"]),
        .executable(name: "temporal-bench", targets: ["temporal-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/grpc/grpc-swift-2.git", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", exact: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", exact: "2.4.1"),
        .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/vapor/jwt-kit.git", exact: "5.7.1"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(
            url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
        .package(
            url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", exact: "0.2.0"),
    ],
    targets: [
        // Words: the API's messages, and what every layer shares.
        .plugin(
            name: "DescriptorPlugin", capability: .buildTool(),
            dependencies: [
                "descriptor-embedder", .product(name: "protoc", package: "swift-protobuf"),
            ],
            path: "Sources/Server/API/DescriptorPlugin"),
        .executableTarget(
            name: "descriptor-embedder", path: "Sources/Server/API/DescriptorEmbedder",
            swiftSettings: settings),
        .target(
            name: "TemporalAPI", dependencies: [protobuf],
            path: "Sources/Server/API", exclude: ["DescriptorPlugin", "DescriptorEmbedder"],
            // Generated messages are values whose parts lie in objects of their own. The compiler
            // checks accesses to the values; checking each access to the parts again when the
            // program runs took a tenth of a state transition.
            swiftSettings: [
                .swiftLanguageMode(.v6), .unsafeFlags(["-enforce-exclusivity=unchecked"]),
            ],
            plugins: [
                .plugin(name: "GRPCProtobufGenerator", package: "grpc-swift-protobuf"),
                "DescriptorPlugin",
            ]),
        server("Primitives", "Primitives", ["TemporalAPI", protobuf]),

        // Seams, and the stores behind one of them.
        server("DynamicConfig", "DynamicConfig", ["Primitives"]),
        server("Persistence", "Persistence/Stores", ["Primitives"]),
        server("PersistenceMemory", "Persistence/Memory", ["Persistence", "Primitives"]),
        .systemLibrary(
            name: "CSQLite", path: "Sources/Server/Persistence/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]),
        server("PersistenceSQL", "Persistence/SQL", ["Persistence", "Primitives"]),
        server(
            "PersistenceSQLite", "Persistence/SQLite",
            ["CSQLite", "Persistence", "PersistenceSQL", "Primitives"]),
        .systemLibrary(
            name: "CPostgreSQL", path: "Sources/Server/Persistence/CPostgreSQL",
            pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        server(
            "PersistencePostgreSQL", "Persistence/PostgreSQL",
            ["CPostgreSQL", "Persistence", "PersistenceSQL", "Primitives"]),
        server("ServiceClients", "Clients", words + ["Authorization", "Persistence"]),

        // Machines decide, services wait.
        server("Authorization", "Authorization/Core", ["Primitives"]),
        server(
            "AuthorizationService", "Authorization/Service",
            ["Authorization", "Primitives", "ServiceClients", crypto, jwt, logging, metrics]),
        server(
            "HistoryCore", "History/Core",
            words + ["DynamicConfig", "Persistence", "ServiceClients"]),
        server(
            "HistoryService", "History/Service",
            words + [
                "DynamicConfig", "HistoryCore", "Persistence", "ServiceClients", logging, metrics,
            ]),
        server(
            "MatchingCore", "Matching/Core",
            words + ["DynamicConfig", "Persistence", "ServiceClients"]),
        server(
            "MatchingService", "Matching/Service",
            words + [
                "DynamicConfig", "MatchingCore", "Persistence", "ServiceClients", logging, metrics,
            ]),
        server(
            "Frontend", "Frontend",
            words + [
                "Authorization", "DynamicConfig", "Persistence", "ServiceClients", logging, metrics,
            ]),

        // Wiring.
        server(
            "GRPCTransport", "Transport", grpc + nio + words + ["Frontend", logging, metrics]),
        server(
            "StaticConfiguration", "Configuration",
            ["DynamicConfig", "Primitives", .product(name: "Yams", package: "Yams")]),
        server(
            "Bootstrap", "Bootstrap",
            words + grpc + [
                "Authorization", "AuthorizationService", "StaticConfiguration", "DynamicConfig",
                "Frontend", "GRPCTransport", "HistoryService", "MatchingService", "Persistence",
                "PersistenceMemory", "PersistencePostgreSQL", "PersistenceSQLite",
                "ServiceClients", httpClient, lifecycle, logging, metrics,
            ]),
        .executableTarget(
            name: "temporal-server",
            dependencies: [
                "AuthorizationService", "Bootstrap", "StaticConfiguration", "DynamicConfig",
                "GRPCTransport", "Persistence", arguments, lifecycle, logging, signals,
            ],
            path: "Sources/Server/Main", swiftSettings: settings),

        // The simulator: the services above in a world made from a seed.
        .target(name: "CSimulation", path: "Sources/Simulator/CSimulation"),
        simulator("SimulationKernel", "Kernel", ["CSimulation", "Primitives"]),
        simulator(
            "SimulatedWorld", "World",
            words + [
                "Authorization", "AuthorizationService", "DynamicConfig", "Frontend",
                "HistoryCore", "HistoryService", "MatchingService", "Persistence",
                "PersistenceMemory", "ServiceClients", "SimulationKernel", logging,
            ]),
        simulator(
            "Workloads", "Workloads", words + ["SimulatedWorld", "SimulationKernel"]),
        .executableTarget(
            name: "temporal-simulator",
            dependencies: [
                "CSimulation", "Primitives", "SimulatedWorld", "SimulationKernel", "Workloads",
                arguments,
            ],
            path: "Sources/Simulator/Main", swiftSettings: settings),

        // The load generator: a client and a worker without an SDK.
        .executableTarget(
            name: "temporal-bench",
            dependencies: grpc + [
                "TemporalAPI", protobuf, arguments,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Sources/Bench", swiftSettings: settings),

        // Unit tests; Tests/Conformance is Python and drives the built binary.
        unitTests("Primitives"),
        unitTests(
            "Persistence",
            [
                "CPostgreSQL", "Persistence", "PersistenceMemory", "PersistencePostgreSQL",
                "PersistenceSQL",
                "PersistenceSQLite",
            ]),
        unitTests(
            "History",
            [
                "DynamicConfig", "HistoryCore", "HistoryService", "Persistence",
                "PersistenceMemory", "ServiceClients",
            ]),
        unitTests(
            "Matching",
            [
                "DynamicConfig", "MatchingCore", "MatchingService", "Persistence",
                "PersistenceMemory", "ServiceClients",
            ]),
        unitTests(
            "Frontend",
            [
                "Authorization", "DynamicConfig", "Frontend", "Persistence", "PersistenceMemory",
                "ServiceClients",
            ]),
        unitTests(
            "Authorization",
            ["Authorization", "AuthorizationService", "ServiceClients", jwt, logging]),
        unitTests(
            "Bootstrap",
            grpc + [
                "Bootstrap", "StaticConfiguration", "DynamicConfig", "Frontend", "GRPCTransport",
                lifecycle,
                logging,
            ]),
        unitTests(
            "Simulator",
            ["Authorization", "Frontend", "SimulatedWorld", "SimulationKernel", "Workloads"]),
        unitTests("Tidy"),
    ]
)
