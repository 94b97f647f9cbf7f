import Bootstrap
import StaticConfiguration
import Foundation
import GRPCTransport
import Primitives
import ServiceLifecycle
import Testing
import Logging

@Suite struct ServerAssemblyTests {
    static func plan() -> ServerPlan {
        var plan = ServerPlan()
        plan.listeners = [.frontend: ListenAddress(ip: "127.0.0.1", port: 0)]
        plan.namespaces = ["default"]
        return plan
    }

    @Test("A server starts, serves and ends when it is asked to")
    func lifecycle() async throws {
        let assembly = try await ServerAssembly.start(Self.plan())
        #expect(assembly.health.state == .starting)
        #expect(try #require(assembly.addresses[.frontend]).port > 0)
        let group = ServiceGroup(
            services: [assembly], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while assembly.health.state != .serving { await Task.yield() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(assembly.health.state == .stopping)
    }

    @Test("A taken port and an unusable file are named, and nothing is left behind")
    func refusals() async throws {
        let taken = try ListeningSocket.open(ListenAddress(ip: "127.0.0.1", port: 0))
        defer { taken.close() }
        var plan = Self.plan()
        plan.listeners[.frontend] = taken.address
        await #expect(throws: StartError("frontend \(ListenError.inUse(taken.address))")) {
            try await ServerAssembly.start(plan)
        }
        plan = Self.plan()
        plan.database = .file("/no/such/directory/a.db")
        await #expect(
            throws: StartError(
                "database file /no/such/directory/a.db cannot be created: "
                    + "there is no directory /no/such/directory")
        ) {
            try await ServerAssembly.start(plan)
        }
    }
}
