import FoundationEssentials
import Frontend
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

private typealias RegisterRequest = Temporal_Api_Workflowservice_V1_RegisterNamespaceRequest
private typealias RegisterResponse = Temporal_Api_Workflowservice_V1_RegisterNamespaceResponse
private typealias DescribeRequest = Temporal_Api_Workflowservice_V1_DescribeNamespaceRequest
private typealias DescribeResponse = Temporal_Api_Workflowservice_V1_DescribeNamespaceResponse
private typealias UpdateRequest = Temporal_Api_Workflowservice_V1_UpdateNamespaceRequest
private typealias UpdateResponse = Temporal_Api_Workflowservice_V1_UpdateNamespaceResponse
private typealias ListNamespacesRequest = Temporal_Api_Workflowservice_V1_ListNamespacesRequest
private typealias ListNamespacesResponse = Temporal_Api_Workflowservice_V1_ListNamespacesResponse

@Suite struct NamespaceTests {
    private func registration(
        _ edit: (inout RegisterRequest) -> Void = { _ in }
    ) -> RegisterRequest {
        .with {
            $0.namespace = "new"
            $0.workflowExecutionRetentionPeriod.seconds = 86_400
            edit(&$0)
        }
    }

    @Test("A registered namespace can be used and described at once")
    func register() async throws {
        let world = FrontendWorld()
        let request = self.registration {
            $0.description_p = "what it is"
            $0.ownerEmail = "me@example.com"
            $0.data = ["k": "v"]
        }
        let _: RegisterResponse = try await world.call(request)
        let reads = world.store.reads
        let named: DescribeResponse = try await world.call(
            DescribeRequest.with {
                $0.namespace = "new"
                $0.weakConsistency = true
            })
        #expect(world.store.reads == reads)
        #expect(named.namespaceInfo.state == .registered)
        #expect(named.namespaceInfo.description_p == "what it is")
        #expect(named.namespaceInfo.data == ["k": "v"] && isUUID(named.namespaceInfo.id))
        #expect(named.config.workflowExecutionRetentionTtl.seconds == 86_400)
        #expect(named.replicationConfig.clusters.map(\.clusterName) == ["active"])
        let byID: DescribeResponse = try await world.call(
            DescribeRequest.with { $0.id = named.namespaceInfo.id })
        #expect(byID.namespaceInfo.name == "new")
    }

    @Test("What cannot be registered says why")
    func registerRefusals() async {
        let retention = "A valid retention period is not set on request."
        let cases: [(RegisterRequest, ServiceError)] = [
            (
                self.registration { $0.namespace = "" },
                .invalidArgument("Namespace not set on request.")
            ),
            (
                self.registration { $0.namespace = String(repeating: "n", count: 1_001) },
                .invalidArgument("Namespace length exceeds limit.")
            ),
            (
                self.registration { $0.clearWorkflowExecutionRetentionPeriod() },
                .invalidArgument(retention)
            ),
            (
                self.registration { $0.workflowExecutionRetentionPeriod.seconds = 3_599 },
                .invalidArgument(retention)
            ),
            (
                self.registration { $0.isGlobalNamespace = true },
                .invalidArgument("Cannot register global namespace when not enabled")
            ),
            (
                self.registration { $0.activeClusterName = "mars" },
                .invalidArgument("Invalid cluster name: mars")
            ),
            (
                self.registration { $0.historyArchivalState = .enabled },
                ServiceError(.unimplemented, "archival is not built yet")
            ),
            (
                self.registration { $0.namespace = "default" },
                ServiceError(.namespaceAlreadyExists, "Namespace \"default\" already exists")
            ),
        ]
        for (request, expected) in cases {
            let error = await FrontendWorld().refusal(request, returning: RegisterResponse.self)
            #expect(error == expected)
        }
    }

    @Test("A namespace is described by its name or its id, not both and not neither")
    func describeNeedsOneKey() async {
        for request in [
            DescribeRequest(),
            .with {
                $0.namespace = "default"
                $0.id = FrontendWorld.namespaceID
            },
        ] {
            let error = await FrontendWorld().refusal(request, returning: DescribeResponse.self)
            #expect(error?.kind == .invalidArgument)
        }
    }

    @Test("An update merges, and only goes forward")
    func update() async throws {
        let world = FrontendWorld()
        let updated: UpdateResponse = try await world.call(
            UpdateRequest.with {
                $0.namespace = "default"
                $0.updateInfo.description_p = "better"
                $0.updateInfo.data = ["a": "1"]
                $0.updateInfo.state = .deprecated
                $0.config.workflowExecutionRetentionTtl.seconds = 7_200
                $0.config.customSearchAttributeAliases = ["Keyword02": "Shape", "Int01": ""]
                $0.config.badBinaries.binaries["sum"] = .with { $0.reason = "slow" }
            })
        #expect(updated.namespaceInfo.description_p == "better")
        #expect(updated.namespaceInfo.state == .deprecated)
        #expect(updated.config.workflowExecutionRetentionTtl.seconds == 7_200)
        #expect(
            updated.config.customSearchAttributeAliases
                == ["Keyword01": "Color", "Keyword02": "Shape", "Datetime01": "Due"])
        #expect(updated.config.badBinaries.binaries["sum"]?.reason == "slow")
        let back = await world.refusal(
            UpdateRequest.with {
                $0.namespace = "default"
                $0.updateInfo.state = .registered
            }, returning: UpdateResponse.self)
        #expect(back == .invalidArgument("Invalid namespace state update."))
    }

    @Test("Namespaces are listed in pages, without deleted ones")
    func list() async throws {
        let world = FrontendWorld()
        world.store.insert(id: "33333333-3333-4333-8333-333333333333", name: "a")
        world.store.insert(id: "44444444-4444-4444-8444-444444444444", name: "b", state: 3)
        var names: [String] = [], token = Data()
        repeat {
            let page: ListNamespacesResponse = try await world.call(
                ListNamespacesRequest.with {
                    $0.pageSize = 1
                    $0.nextPageToken = token
                })
            names += page.namespaces.map(\.namespaceInfo.name)
            token = page.nextPageToken
        } while !token.isEmpty
        #expect(names == ["a", "default"])
        let wrong = await world.refusal(
            ListNamespacesRequest.with { $0.nextPageToken = Data([0xff]) },
            returning: ListNamespacesResponse.self)
        #expect(wrong == .invalidArgument("Invalid NextPageToken."))
    }
}

@Suite struct NamespaceRegistryTests {
    @Test("A namespace is read once, however it is asked for")
    func readOnce() async throws {
        let world = FrontendWorld()
        for _ in 0..<3 {
            _ = try await world.registry.namespace(named: "default")
            _ = try await world.registry.namespace(id: NamespaceID(FrontendWorld.namespaceID))
        }
        #expect(world.store.reads == 1)
    }

    @Test("No more namespaces are kept than allowed")
    func bounded() async throws {
        let world = FrontendWorld()
        for index in 0..<6 {
            world.store.insert(id: "0000000\(index)-0000-4000-8000-000000000000", name: "n\(index)")
            _ = try await world.registry.namespace(named: "n\(index)")
        }
        let reads = world.store.reads
        _ = try await world.registry.namespace(named: "n5")
        #expect(world.store.reads == reads)
        _ = try await world.registry.namespace(named: "n0")
        #expect(world.store.reads == reads + 1)
    }

    @Test("A store in trouble is unavailable, a record that cannot be read is lost")
    func storeTrouble() async {
        let world = FrontendWorld()
        world.store.refuse(.unavailable("disk"))
        await #expect(throws: ServiceError.unavailable("the store is not available, please retry"))
        {
            try await world.registry.namespace(named: "default")
        }
        world.store.refuse(nil)
        world.store.insert(
            NamespaceRow(id: "x", name: "broken", record: [0xff, 0xff, 0xff]))
        await #expect(
            throws: ServiceError(.dataLoss, "the record of namespace broken cannot be read")
        ) { try await world.registry.namespace(named: "broken") }
    }

    @Test("Ensuring a namespace creates it once and adds what is missing")
    func ensure() async throws {
        let world = FrontendWorld()
        let created = try await world.registry.ensureNamespace(
            "dev", retention: .seconds(86_400),
            customSearchAttributes: ["B": .keyword, "A": .keyword])
        #expect(created.customSearchAttributes == ["A": .keyword, "B": .keyword])
        let again = try await world.registry.ensureNamespace(
            "dev", retention: .seconds(1), customSearchAttributes: ["C": .int, "A": .keyword])
        #expect(again.id == created.id && again.retention == .seconds(86_400))
        #expect(
            again.record.config.customSearchAttributeAliases
                == ["Keyword01": "A", "Keyword02": "B", "Int01": "C"])
        try await world.registry.ensureSystemNamespace()
        try await world.registry.ensureSystemNamespace()
        let system = try await world.registry.namespace(named: "temporal-system")
        #expect(system.id == "32049b68-7872-4094-8e63-d0dd59896a83")
    }

    @Test("Search attributes that cannot be added say why")
    func aliasRefusals() {
        let full = ["Int01": "a", "Int02": "b", "Int03": "c"]
        let cases: [([String: SearchAttributeType], String)] = [
            (
                ["d": .int],
                "Unable to create search attributes: cannot have more than 3 search attribute of "
                    + "type Int."
            ),
            (["a": .keyword], "Search attribute a already exists with type Int."),
            (["RunId": .keyword], "Search attribute RunId is reserved by system."),
            (["TemporalX": .keyword], "Search attribute TemporalX is reserved by system."),
        ]
        for (added, message) in cases {
            #expect(throws: ServiceError.invalidArgument(message)) {
                try SearchAttributeAliases.adding(added, to: full)
            }
        }
    }
}
