import Persistence
import Primitives
import Testing

@Suite struct NamespaceStoreContractTests {
    private func row(_ id: NamespaceID, _ name: String, _ record: UInt8 = 0) -> NamespaceRow {
        NamespaceRow(id: id, name: name, record: [record])
    }

    @Test("A namespace is found by name and by id", arguments: StoreKind.allCases)
    func createAndFind(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let row = self.row("id1", "default", 7)
        try await stores.createNamespace(row)
        #expect(try await stores.namespace(named: "default") == row)
        #expect(try await stores.namespace(id: "id1") == row)
        #expect(try await stores.namespace(named: "Default") == nil)
        #expect(try await stores.namespace(id: "default") == nil)
    }

    @Test("Names and ids are taken once", arguments: StoreKind.allCases)
    func createOnce(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await stores.createNamespace(self.row("id1", "one"))
        for taken in [self.row("id1", "two"), self.row("id2", "one")] {
            await #expect(throws: StoreError.namespaceTaken(taken)) {
                try await stores.createNamespace(taken)
            }
        }
        let rows = try await stores.listNamespaces(after: nil, countMax: 9)
        #expect(rows == [self.row("id1", "one")])
    }

    @Test("An update replaces the row, name and all", arguments: StoreKind.allCases)
    func update(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        try await stores.createNamespace(self.row("id1", "one"))
        try await stores.createNamespace(self.row("id2", "two"))
        try await stores.updateNamespace(self.row("id1", "one", 5))
        try await stores.updateNamespace(self.row("id1", "uno", 6))
        #expect(try await stores.namespace(named: "one") == nil)
        #expect(try await stores.namespace(named: "uno") == self.row("id1", "uno", 6))
        await #expect(throws: StoreError.namespaceTaken(self.row("id1", "two"))) {
            try await stores.updateNamespace(self.row("id1", "two"))
        }
        await #expect(throws: StoreError.namespaceMissing("id3")) {
            try await stores.updateNamespace(self.row("id3", "three"))
        }
    }

    @Test("Namespaces are listed by name, page by page", arguments: StoreKind.allCases)
    func list(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let names = ["B", "a", "a-1", "aa", "b", "ä"]
        for (index, name) in names.enumerated().reversed() {
            try await stores.createNamespace(self.row(NamespaceID("id\(index)"), name))
        }
        var seen: [String] = []
        while true {
            let page = try await stores.listNamespaces(after: seen.last, countMax: 4)
            if page.isEmpty { break }
            seen += page.map(\.name)
        }
        #expect(seen == names)
    }

    @Test("The first node decides the facts of the cluster", arguments: StoreKind.allCases)
    func clusterIsDecidedOnce(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let first = ClusterRecord(clusterID: "c1", shardCount: 4)
        #expect(try await stores.initializeCluster(first) == first)
        let second = ClusterRecord(clusterID: "c2", shardCount: 8)
        #expect(try await stores.initializeCluster(second) == first)
    }
}
