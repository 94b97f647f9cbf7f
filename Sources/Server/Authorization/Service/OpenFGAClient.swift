import FoundationEssentials
import Primitives
import ServiceClients

/// Where an OpenFGA store is; shown without the key.
package struct OpenFGAAddress: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Without a slash at its end.
    package let url: String
    /// Empty if OpenFGA asks for none.
    package let key: String
    package let storeID: String
    package let modelID: String

    package init(url: String, key: String, storeID: String, modelID: String) {
        self.url = url
        self.key = key
        self.storeID = storeID
        self.modelID = modelID
    }

    package var description: String { "\(self.url), store \(self.storeID)" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A relationship in OpenFGA.
struct TupleKey: Codable, Hashable, Sendable {
    let user: String
    let relation: String
    let object: String
}

/// Which tuples to read; an object may be a type alone.
struct TupleFilter: Encodable, Equatable, Sendable {
    var user: String?
    var relation: String?
    let object: String
}

/// OpenFGA's HTTP API, as far as it is needed.
struct OpenFGAClient: Sendable {
    let address: OpenFGAAddress
    let service: OutsideService

    /// Pages of one answer that are read before something must be wrong.
    private static let pagesMax = 10_000
    private static let pageSize = 100
    private static let consistency = "HIGHER_CONSISTENCY"

    private struct ReadRequest: Encodable {
        let tuple_key: TupleFilter?
        let page_size: Int
        let continuation_token: String
        let consistency: String
    }

    private struct ReadAnswer: Decodable {
        struct Tuple: Decodable { let key: TupleKey }
        let tuples: [Tuple]
        let continuation_token: String?
    }

    /// The tuples of the store that a filter names, or all of them, page by page to the end.
    ///
    /// Each page is to be there by `deadline`, as it is when that page is asked for.
    func read(
        _ filter: TupleFilter?, by deadline: @autoclosure () -> Timestamp
    ) async throws(OutsideFailure) -> [TupleKey] {
        var found: [TupleKey] = []
        var token = ""
        for _ in 0..<Self.pagesMax {
            let page: ReadAnswer = try await self.post(
                "/stores/\(self.address.storeID)/read",
                ReadRequest(
                    tuple_key: filter, page_size: Self.pageSize, continuation_token: token,
                    consistency: Self.consistency), by: deadline())
            found += page.tuples.map(\.key)
            let next = page.continuation_token ?? ""
            if next.isEmpty { return found }
            guard next != token else { throw .unreadable }
            token = next
        }
        throw .unreadable
    }

    func get<Answer: Decodable & SendableMetatype>(
        _ path: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> Answer {
        try await self.service.ask(self.request(path, body: nil), by: deadline, Self.answer)
    }

    func post<Answer: Decodable & SendableMetatype>(
        _ path: String, _ body: some Encodable, isRead: Bool = true, by deadline: Timestamp
    ) async throws(OutsideFailure) -> Answer {
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try JSONEncoder().encode(body))
        } catch {
            // Our own requests hold nothing but texts, numbers and lists.
            invariantFailure("a request cannot be written: \(error)")
        }
        return try await self.service.ask(
            self.request(path, body: bytes), by: deadline, isRead: isRead, Self.answer)
    }

    private struct CheckRequest: Encodable {
        let tuple_key: TupleKey
        let authorization_model_id: String
        let consistency: String
    }

    private struct CheckAnswer: Decodable { let allowed: Bool }

    /// Whether a relationship holds, by what is implied too.
    func check(_ key: TupleKey, by deadline: Timestamp) async throws(OutsideFailure) -> Bool {
        let answer: CheckAnswer = try await self.post(
            "/stores/\(self.address.storeID)/check",
            CheckRequest(
                tuple_key: key, authorization_model_id: self.address.modelID,
                consistency: Self.consistency), by: deadline)
        return answer.allowed
    }

    private func request(_ path: String, body: [UInt8]?) -> OutgoingRequest {
        var headers = [CallbackDelivery.Header("accept", "application/json")]
        if body != nil { headers.append(.init("content-type", "application/json")) }
        if !self.address.key.isEmpty {
            headers.append(.init("authorization", "Bearer \(self.address.key)"))
        }
        return OutgoingRequest(url: self.address.url + path, headers: headers, body: body)
    }

    private struct Refusal: Decodable {
        let code: String?
        let message: String?
    }

    private static func answer<Answer: Decodable & SendableMetatype>(
        _ answer: HTTPAnswer
    ) throws(OutsideFailure) -> Answer {
        guard (200...299).contains(answer.status) else {
            let refusal = try? Refusal.read(answer.body)
            let words = [refusal?.code, refusal?.message].compactMap { $0 }
            throw .refused(status: answer.status, reason: words.joined(separator: ": "))
        }
        return try Answer.read(answer.body)
    }
}
