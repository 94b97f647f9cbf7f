import FoundationEssentials
import Primitives

/// A store and the model rules in it follow.
package struct WrittenModel: Equatable, Sendable {
    package let storeID: String
    package let modelID: String
    /// False if the store had it already.
    package let isNew: Bool
}

extension RuleBook {
    private struct Store: Decodable {
        let id: String
        let name: String
    }

    private struct Stores: Decodable {
        let stores: [Store]
        let continuation_token: String?
    }

    private struct NewStore: Encodable { let name: String }

    private struct Models: Decodable {
        /// One of a form that is not ours is another one.
        struct Entry: Decodable {
            let id: String
            let model: AuthorizationModel?

            enum CodingKeys: CodingKey { case id }

            init(from decoder: any Decoder) throws {
                self.id = try decoder.container(keyedBy: CodingKeys.self)
                    .decode(String.self, forKey: .id)
                self.model = try? AuthorizationModel(from: decoder)
            }
        }
        let authorization_models: [Entry]
    }

    private struct NewModel: Decodable { let authorization_model_id: String }

    /// Makes sure the store's newest model is the one rules are made of.
    ///
    /// Without a store of its own, it takes the one of that name, or makes it.
    package func writeModel(storeName: String) async throws(RuleBookError) -> WrittenModel {
        var storeID = self.client.address.storeID
        if storeID.isEmpty { storeID = try await self.store(named: storeName) }
        return try await self.asking { () async throws(OutsideFailure) -> WrittenModel in
            let path = "/stores/\(storeID)/authorization-models"
            let models: Models = try await self.client.get(
                path + "?page_size=1", by: self.deadline)
            if let newest = models.authorization_models.first, newest.model == .own {
                return WrittenModel(storeID: storeID, modelID: newest.id, isNew: false)
            }
            let written: NewModel = try await self.client.post(
                path, AuthorizationModel.own, isRead: false, by: self.deadline)
            return WrittenModel(
                storeID: storeID, modelID: written.authorization_model_id, isNew: true)
        }
    }

    private func store(named name: String) async throws(RuleBookError) -> String {
        let found = try await self.asking { () async throws(OutsideFailure) -> [String] in
            try await self.stores(named: name)
        }
        guard found.count <= 1 else {
            throw RuleBookError(
                "OpenFGA has \(found.count) stores named \(name): put the one to use into "
                    + "auth.ofga.storeID")
        }
        if let id = found.first { return id }
        return try await self.asking { () async throws(OutsideFailure) -> String in
            let store: Store = try await self.client.post(
                "/stores", NewStore(name: name), isRead: false, by: self.deadline)
            return store.id
        }
    }

    private func stores(named name: String) async throws(OutsideFailure) -> [String] {
        var found: [String] = []
        var token = ""
        repeat {
            let page: Stores = try await self.client.get(
                "/stores?page_size=100" + (token.isEmpty ? "" : "&continuation_token=\(token)"),
                by: self.deadline)
            found += page.stores.filter { $0.name == name }.map(\.id)
            let next = page.continuation_token ?? ""
            guard next.isEmpty || next != token else { throw .unreadable }
            token = next
        } while !token.isEmpty
        return found
    }
}
