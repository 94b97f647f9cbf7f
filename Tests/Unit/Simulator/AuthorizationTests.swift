import Primitives
import SimulatedWorld
import SimulationKernel
import Testing
import Workloads

/// Whether the calls of the authorization workload are of every kind.
@Suite struct AuthorizationTests {
    static let seeds: ClosedRange<UInt64> = 1...48

    private func decisions(of seed: UInt64) async throws -> Set<String> {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent]
        ) { [seed = seed as UInt64] in
            SimulatedExecutors.install(hashSeed: seed)
            for name in WorkloadRun.run(Authorization.self, seed: seed).coverage { print(name) }
            finish()
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        return Set(output.split(separator: "\n").map(String.init))
    }

    @Test("Every RPC is called by some who may and by some who may not")
    func everyRPCIsCalled() async throws {
        var seen: Set<String> = []
        for seed in Self.seeds { seen.formUnion(try await self.decisions(of: seed)) }
        for entry in RPCCatalog().entries {
            let need = AccessNeed(of: entry.rpc)
            let method = entry.rpc.method
            #expect(seen.contains("allowed \(method)") == (need != .unmet), "\(method)")
            #expect(seen.contains("denied \(method)") == (need != .nothing), "\(method)")
        }
    }

    @Test("Who calls has every role, everywhere")
    func everyRoleIsThere() async throws {
        var seen: Set<String> = []
        for seed in 1...16 as ClosedRange<UInt64> {
            seen.formUnion(
                try await self.decisions(of: seed).compactMap { decision in
                    decision.firstRange(of: " by ").map { String(decision[$0.upperBound...]) }
                })
        }
        let places =
            RuleEditor.namespaces + [
                RuleEditor.unregistered, AuthorizationSettings.openNamespace,
            ]
        for place in places {
            for role in ["nobody", "none", "reader", "writer", "admin", "operator"] {
                #expect(seen.contains("\(role) in \(place)"))
            }
        }
    }
}
