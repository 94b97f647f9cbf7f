import BenchConnections
import GRPCCore
import Testing

@Suite struct CallHeadersTests {
    private static func values(_ headers: Metadata, _ name: String) -> [String] {
        Array(headers[stringValues: name])
    }

    @Test("Headers go with every call, a value as it is written")
    func fields() throws {
        let headers = try CallHeaders(fields: ["X-Tenant=a", "x-tenant=b=c ", "empty="])
        for _ in 0..<2 {
            let next = headers.next()
            #expect(Self.values(next, "x-tenant") == ["a", "b=c "])
            #expect(Self.values(next, "empty") == [""])
            #expect(next.count == 3)
        }
        #expect(CallHeaders.none.next().isEmpty)
    }

    @Test("Users take turns, each with the token of their line")
    func users() throws {
        let headers = try CallHeaders(
            fields: ["x-tenant=a"], tokens: "ya29.one\r\n\n  ya29.two\nya29.three")
        let turns = (0..<4).map { _ in headers.next() }
        #expect(
            turns.map { Self.values($0, "authorization") } == [
                ["Bearer ya29.one"], ["Bearer ya29.two"], ["Bearer ya29.three"],
                ["Bearer ya29.one"],
            ])
        #expect(turns.allSatisfy { Self.values($0, "x-tenant") == ["a"] })
    }

    static let refusals: [(fields: [String], tokens: String?, words: String)] = [
        (["secret"], nil, "--header: expected NAME=VALUE"),
        (["=secret"], nil, "--header: a NAME has letters"),
        (["Bearer secret=x"], nil, "--header: a NAME has letters"),
        (["trace-bin=secret"], nil, "does not end with -bin"),
        (["grpc-timeout=secret"], nil, "--header grpc-timeout: gRPC sends this one by itself"),
        (["TE=secret"], nil, "--header te: gRPC sends this one by itself"),
        (["a=secret\nb"], nil, "--header a: a VALUE has printable ASCII only"),
        (["Authorization=Bearer secret"], "secret", "exclude each other"),
        ([], "ya29.one\nsecret two\n", "--tokens: line 2 is no token"),
        ([], "secret\u{e9}", "--tokens: line 1 is no token"),
        ([], " \n\n", "--tokens: there is no token"),
    ]

    @Test("What cannot be sent is refused, and not repeated", arguments: Self.refusals)
    func refusal(fields: [String], tokens: String?, words: String) throws {
        let refusal = #expect(throws: CallHeaders.Refusal.self) {
            try CallHeaders(fields: fields, tokens: tokens)
        }
        let description = try #require(refusal).description
        #expect(description.contains(words))
        #expect(!description.contains("secret"))
    }
}
