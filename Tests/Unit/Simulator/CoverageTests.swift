import Frontend
import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI
import Testing
import Workloads

/// Whether the workloads use what is built: an RPC or a command that no seed reaches is not tested.
///
/// What is listed here as not used must not be used: whoever uses it takes it off the list.
@Suite struct CoverageTests {
    static let seeds: ClosedRange<UInt64> = 1...24

    /// Commands that are none.
    static let unusedCommands: Set<Temporal_Api_Enums_V1_CommandType> = [.unspecified]

    /// Events that nothing writes.
    static let unseenEvents: Set<Temporal_Api_Enums_V1_EventType> = [
        .unspecified,
        .workflowExecutionUpdateRejected,
        .workflowPropertiesModifiedExternally, .activityPropertiesModifiedExternally,
        .nexusOperationScheduled, .nexusOperationStarted, .nexusOperationCompleted,
        .nexusOperationFailed, .nexusOperationCanceled, .nexusOperationTimedOut,
        .nexusOperationCancelRequested, .nexusOperationCancelRequestCompleted,
        .nexusOperationCancelRequestFailed,
        .workflowExecutionTimeSkippingTransitioned,
    ]

    private func used(by seed: UInt64) async throws -> Set<String> {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent]
        ) { [seed = seed as UInt64] in
            SimulatedExecutors.install(hashSeed: seed)
            let report = WorkloadRun.run(Everything.self, seed: seed)
            for name in report.coverage { print("used \(name)") }
            finish()
        }
        let lines = String(decoding: result.standardOutputContent, as: UTF8.self)
            .split(separator: "\n")
        return Set(lines.filter { $0.hasPrefix("used ") }.map { String($0.dropFirst(5)) })
    }

    @Test("The workloads use every built RPC, every command, and see every event")
    func everythingIsUsed() async throws {
        var used: Set<String> = []
        for seed in Self.seeds { used.formUnion(try await self.used(by: seed)) }

        let built = Set(
            FrontendRPCs.table.filter { $0.service == FrontendRPCs.workflowService }.map(\.method))
        let commands = Temporal_Api_Enums_V1_CommandType.allCases
        let events = Temporal_Api_Enums_V1_EventType.allCases
        let all = Set(
            built.map { "rpc \($0)" } + commands.map { "command \($0)" }
                + events.map { "event \($0)" })
        let exceptions = Set(
            Self.unusedCommands.map { "command \($0)" }
                + Self.unseenEvents.map { "event \($0)" })
        #expect(all.subtracting(exceptions).subtracting(used).sorted() == [], "unused")
        #expect(exceptions.intersection(used).sorted() == [], "used, and listed as not")
    }
}
