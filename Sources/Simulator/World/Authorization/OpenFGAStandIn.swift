import FoundationEssentials
import Primitives
import ServiceClients

/// Lists tuples, as OpenFGA does: a page at a time, each as the store is just then.
struct OpenFGAStandIn {
    fileprivate struct ReadRequest: Decodable {
        struct Filter: Decodable {
            let user: String?
            let relation: String?
            let object: String
        }
        let tuple_key: Filter?
        let page_size: Int?
        let continuation_token: String?
    }

    let directory: AccessDirectory
    let settings: AuthorizationSettings

    func answer(to request: OutgoingRequest) -> HTTPAnswer {
        guard request.bearer == AuthorizationSettings.openFGAKey else {
            return .json(#"{"code": "unauthenticated"}"#, status: 401)
        }
        let url = AuthorizationSettings.openFGAURL
        guard request.url == "\(url)/stores/\(AuthorizationSettings.storeID)/read",
            let read = Self.read(request)
        else {
            return .json(#"{"code": "undefined_endpoint"}"#, status: 404)
        }
        let after = read.continuation_token.flatMap { Int($0) } ?? 0
        let found = self.directory.tuples.lazy.filter { entry in
            entry.number > after && (read.tuple_key.map { $0.matches(entry.tuple) } ?? true)
        }
        let size = min(read.page_size ?? 50, self.settings.pageSizeMax)
        let page = Array(found.prefix(size + 1))
        let tuples = page.prefix(size).map { entry in
            let tuple = entry.tuple
            return #"{"key": {"user": "\#(tuple.user)", "relation": "\#(tuple.relation)", "#
                + #""object": "\#(tuple.object)"}, "timestamp": "2026-01-01T00:00:00Z"}"#
        }
        let next = page.count > size ? page[size - 1].number : nil
        return .json(
            #"{"tuples": [\#(tuples.joined(separator: ", "))], "#
                + #""continuation_token": "\#(next.map { "\($0)" } ?? "")"}"#)
    }

    private static func read(_ request: OutgoingRequest) -> ReadRequest? {
        request.body.flatMap { try? JSONDecoder().decode(ReadRequest.self, from: Data($0)) }
    }

    /// Whose groups the first page of a request asks for; nil if it asks for anything else.
    static func groupsAskedFor(_ request: OutgoingRequest) -> String? {
        guard let read = self.read(request), read.continuation_token ?? "" == "",
            let user = read.tuple_key?.user, read.tuple_key?.object == "group:",
            user.hasPrefix("user:")
        else { return nil }
        return String(user.dropFirst("user:".count))
    }
}

extension OpenFGAStandIn.ReadRequest.Filter {
    /// An object may be a type alone, with its colon.
    fileprivate func matches(_ tuple: AccessTuple) -> Bool {
        (self.user ?? tuple.user) == tuple.user
            && (self.relation ?? tuple.relation) == tuple.relation
            && (self.object.hasSuffix(":")
                ? tuple.object.hasPrefix(self.object) : tuple.object == self.object)
    }
}
