import DynamicConfig
import Frontend
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Registers a namespace, changes it now and then, and looks at what is said of it and its cluster.
///
/// It alone touches that namespace, one call after another.
// Safe because a simulation has one thread.
package final class NamespaceClient: @unchecked Sendable {
    private typealias State = Temporal_Api_Enums_V1_NamespaceState

    package private(set) var changeCount = 0
    private let name: String
    private let world: SimulatedWorld
    /// Calls as somebody who may do everything, and as anybody.
    private let caller: PatientCaller
    private let anybody: PatientCaller
    private let roundCount: Int

    // What was acknowledged.
    private var info = Temporal_Api_Namespace_V1_NamespaceInfo()
    private var retention: Duration

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.name = "namespace-\(number)"
        self.caller = PatientCaller(
            world.administration, world.clock, world.loop.generator(for: "namespace \(number)"))
        self.anybody = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "anybody \(number)"))
        self.roundCount = self.caller.draw(1...8)
        self.retention = .seconds(self.caller.draw(1...90) * 86_400)
    }

    package func run() async {
        guard await self.register() else { return }
        for _ in 0..<self.roundCount {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(40)))
            switch self.caller.draw(0...5) {
            case 0: await self.registerAgain()
            case 1: await self.move()
            default: await self.update()
            }
            await self.look()
        }
    }

    /// What was acknowledged is still so.
    package func check() async {
        guard !self.info.name.isEmpty else { return }
        await self.look()
    }

    // What is done.

    private func register() async -> Bool {
        self.info.description_p = "first"
        self.info.ownerEmail = "owner@example.com"
        self.info.data = ["since": "the start"]
        let answer = await self.sendRegistration()
        if case .failure(let error) = answer.result,
            error.kind != .namespaceAlreadyExists || answer.attempts == 1
        {
            self.fail("could not be registered: \(error)")
            return false
        }
        self.info.name = self.name
        self.info.state = .registered
        guard case .success(let response) = await self.describe({ $0.namespace = self.name }) else {
            return false
        }
        self.info.id = response.namespaceInfo.id
        return true
    }

    private func sendRegistration() async -> PatientCaller.Answer<RegisterNamespaceResponse> {
        await self.caller.call(
            "RegisterNamespace",
            RegisterNamespaceRequest.with {
                $0.namespace = self.name
                $0.description_p = self.info.description_p
                $0.ownerEmail = self.info.ownerEmail
                $0.data = self.info.data
                $0.workflowExecutionRetentionPeriod = self.retention.proto
            })
    }

    /// A name is taken for good.
    private func registerAgain() async {
        let answer = await self.sendRegistration()
        if case .failure(let error) = answer.result, error.kind == .namespaceAlreadyExists {
            return
        }
        self.fail("was registered again: \(answer.result)")
    }

    private func update() async {
        var update = Temporal_Api_Namespace_V1_UpdateNamespaceInfo()
        var retention: Duration?
        let text = "change \(self.changeCount)"
        switch self.caller.draw(0...3) {
        case 0: update.description_p = text
        case 1: update.ownerEmail = "owner-\(self.changeCount)@example.com"
        case 2: update.data = ["key \(self.caller.draw(0...2))": text]
        default: retention = .seconds(self.caller.draw(1...90) * 86_400)
        }
        await self.send(update, retention)
    }

    /// The life of a namespace goes one way.
    private func move() async {
        let states: [State] =
            switch self.info.state {
            case .registered: [.deprecated, .deprecated, .deleted]
            default: [.deleted]
            }
        guard let state = states.randomElement(using: &self.caller.random) else { return }
        await self.send(.with { $0.state = state }, nil)
    }

    private func send(
        _ update: Temporal_Api_Namespace_V1_UpdateNamespaceInfo, _ retention: Duration?
    ) async {
        self.changeCount += 1
        let answer = await self.caller.call(
            "UpdateNamespace",
            UpdateNamespaceRequest.with {
                $0.namespace = self.name
                if update != .init() { $0.updateInfo = update }
                if let retention { $0.config.workflowExecutionRetentionTtl = retention.proto }
            }, returning: UpdateNamespaceResponse.self)
        let wasDeleted = self.info.state == .deleted
        switch answer.result {
        case .success where wasDeleted: return self.fail("was changed when it was deleted")
        case .failure(let error) where !error.saysState || !(wasDeleted || answer.attempts > 1):
            return self.fail("was not changed to \(update): \(error)")
        // An earlier try has deleted it.
        case .failure where !wasDeleted && update.state != .deleted:
            return self.fail("is deleted, and nobody asked for that")
        case .success, .failure: break
        }
        guard !wasDeleted else { return }
        if !update.description_p.isEmpty { self.info.description_p = update.description_p }
        if !update.ownerEmail.isEmpty { self.info.ownerEmail = update.ownerEmail }
        self.info.data.merge(update.data) { $1 }
        if update.state != .unspecified { self.info.state = update.state }
        if let retention { self.retention = retention }
        self.world.loop.record("\(self.name) is \(self.info.state), \(self.info.description_p)")
    }

    // What is seen.

    private func look() async {
        let isWeak = self.caller.draw(0...1) == 0
        await self.expect("by its name") {
            $0.namespace = self.name
            $0.weakConsistency = isWeak
        }
        await self.expect("by its id") {
            $0.id = self.info.id
            $0.weakConsistency = isWeak
        }
        await self.checkList()
        await self.checkUse()
        await self.checkCluster()
    }

    private func describe(
        _ edit: (inout DescribeNamespaceRequest) -> Void
    ) async -> Result<DescribeNamespaceResponse, ServiceError> {
        var request = DescribeNamespaceRequest()
        edit(&request)
        let answer = await self.caller.call(
            "DescribeNamespace", request, returning: DescribeNamespaceResponse.self)
        if case .failure(let error) = answer.result { self.fail("cannot be described: \(error)") }
        return answer.result
    }

    private func expect(
        _ how: String, _ edit: (inout DescribeNamespaceRequest) -> Void
    ) async {
        guard case .success(let response) = await self.describe(edit) else { return }
        self.compare(response, "described \(how)")
    }

    private func compare(_ response: DescribeNamespaceResponse, _ how: String) {
        let info = response.namespaceInfo
        if info.name != self.info.name || info.id != self.info.id || info.state != self.info.state
            || info.description_p != self.info.description_p
            || info.ownerEmail != self.info.ownerEmail || info.data != self.info.data
            || Duration(response.config.workflowExecutionRetentionTtl) != self.retention
            || response.isGlobalNamespace
        {
            let kept = Duration(response.config.workflowExecutionRetentionTtl)
            self.fail(
                "is \(how) as \(Self.text(info)) kept for \(kept), and is "
                    + "\(Self.text(self.info)) kept for \(self.retention)")
        }
    }

    private static func text(_ info: Temporal_Api_Namespace_V1_NamespaceInfo) -> String {
        let data = info.data.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return "\(info.name) \(info.id) \(info.state) \(info.description_p) \(info.ownerEmail) "
            + "\(data)"
    }

    private func checkList() async {
        let includesDeleted = self.caller.draw(0...1) == 0
        guard
            case .success(let all) = await self.caller.listNamespaces(
                includingDeleted: includesDeleted)
        else { return self.fail("cannot be listed") }
        let names = all.map(\.namespaceInfo.name)
        if names != names.sorted() || Set(names).count != names.count {
            self.fail("is in a list that is in no order: \(names)")
        }
        let found = all.filter { $0.namespaceInfo.name == self.name }
        let isListed = includesDeleted || self.info.state != .deleted
        if found.isEmpty == isListed { self.fail("is listed \(found.count) times") }
        for response in found { self.compare(response, "listed") }
    }

    /// Nothing starts where a namespace is on its way out, and nothing is done where it is gone.
    private func checkUse() async {
        let count = await self.caller.call(
            "CountWorkflowExecutions",
            CountWorkflowExecutionsRequest.with { $0.namespace = self.name },
            returning: CountWorkflowExecutionsResponse.self)
        switch count.result {
        case .success(let response):
            if self.info.state == .deleted || response.count != 0 {
                self.fail("is \(self.info.state) and has \(response.count) runs")
            }
        case .failure(let error):
            if self.info.state != .deleted || !error.saysState { self.fail("counts \(error)") }
        }
        guard self.info.state != .registered else { return }
        let start = await self.caller.start("nothing") { $0.namespace = self.name }
        if case .failure(let error) = start, error.saysState { return }
        self.fail("is \(self.info.state), and a start there is answered \(start)")
    }

    private func checkCluster() async {
        let settings = self.world.settings
        let system = await self.anybody.call(
            "GetSystemInfo", GetSystemInfoRequest(), returning: GetSystemInfoResponse.self)
        guard case .success(let response) = system.result,
            response.serverVersion == offeredServerVersion,
            response.capabilities.eagerWorkflowStart == settings.settings.enableEagerWorkflowStart,
            response.capabilities.signalAndQueryHeader,
            response.capabilities.encodedFailureAttributes, response.capabilities.upsertMemo,
            !response.capabilities.supportsSchedules, !response.capabilities.nexus
        else { return self.fail("is in a system described as \(system.result)") }
        let cluster = await self.anybody.call(
            "GetClusterInfo", GetClusterInfoRequest(), returning: GetClusterInfoResponse.self)
        guard case .success(let info) = cluster.result, info.serverVersion == offeredServerVersion,
            info.clusterID == SimulatedNode.clusterID, info.clusterName == "active",
            info.historyShardCount == settings.shardCount, info.persistenceStore == "memory"
        else { return self.fail("is in a cluster described as \(cluster.result)") }
    }

    private func fail(_ message: String) { self.world.fail("\(self.name) \(message)") }
}

extension ServiceError {
    /// Whether a namespace is in a state that does not allow this.
    fileprivate var saysState: Bool {
        if case .namespaceInvalidState = self.kind { true } else { false }
    }
}
