import DynamicConfig
import Frontend
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CompletionCallbackTests {
    private typealias Callback = Temporal_Api_Common_V1_Callback

    private static func settings() -> Settings {
        var settings = Settings()
        settings.callbackAddresses.everywhere = [
            .init(pattern: "plain.test", allowsInsecure: true),
            .init(pattern: "*.safe.test:*", allowsInsecure: false),
        ]
        settings.callbackAddresses.byNamespace["elsewhere"] = [
            .init(pattern: "*", allowsInsecure: true)
        ]
        settings.callbacksMax = 3
        return settings
    }

    private static func request(
        _ urls: String..., configure: (inout StartRequest) -> Void = { _ in }
    ) -> StartRequest {
        .valid {
            $0.completionCallbacks = urls.map { url in .with { $0.nexus.url = url } }
            configure(&$0)
        }
    }

    static let refusals: [(url: String, message: String)] = [
        (
            "http://other.test/x?secret",
            "invalid url: url does not match any configured callback address: http://other.test/x"
        ),
        (
            "http://a.safe.test:1",
            "invalid url: callback address does not allow insecure connections: http://a.safe.test:1"
        ),
        (
            "https://a.safe.test",
            "invalid url: url does not match any configured callback address: https://a.safe.test"
        ),
        ("ftp://plain.test", "invalid url: unknown scheme: ftp://plain.test"),
        ("http:///x", "invalid url: missing host"),
        ("http://plain.test/ x", "invalid callback url: not a URL"),
        (
            "http://plain.test/" + String(repeating: "x", count: 1_000),
            "invalid url: url length longer than max length allowed of 1000"
        ),
    ]

    @Test("A URL that no rule allows is refused, without what may be secret", arguments: refusals)
    func refused(url: String, message: String) async {
        let world = FrontendWorld { $0 = Self.settings() }
        let error = await world.refusal(Self.request(url), returning: StartResponse.self)
        #expect(error == .invalidArgument(message))
        #expect(world.history.requests.isEmpty)
    }

    @Test("Without a rule no URL is allowed")
    func noRules() async {
        let error = await FrontendWorld().refusal(
            Self.request("https://plain.test"), returning: StartResponse.self)
        #expect(
            error
                == .invalidArgument(
                    "invalid url: url does not match any configured callback address: https://plain.test"
                ))
    }

    static let variants: [(Temporal_Api_Common_V1_Callback, ServiceError)] = [
        (.init(), ServiceError(.unimplemented, "unknown callback variant: <nil>")),
        (
            .with { $0.internal = .init() },
            .invalidArgument("unsupported callback variant: *common.Callback_Internal_")
        ),
        (
            .with { $0.nexusHandler = .init() },
            ServiceError(.unimplemented, "callbacks to nexus handlers are not built yet")
        ),
        (
            .with { $0.nexus.url = "temporal://system" },
            ServiceError(.unimplemented, "callbacks to temporal://system are not built yet")
        ),
    ]

    @Test("Callbacks within the cluster are refused", arguments: Self.variants)
    func variant(_ callback: Temporal_Api_Common_V1_Callback, _ refusal: ServiceError) async {
        let request = Self.request { $0.completionCallbacks = [callback] }
        let world = FrontendWorld { $0 = Self.settings() }
        #expect(await world.refusal(request, returning: StartResponse.self) == refusal)
    }

    @Test("There are limits to the number of callbacks, their headers and their links")
    func limits() async {
        let world = FrontendWorld { $0 = Self.settings() }
        let url = "http://plain.test"
        #expect(
            await world.refusal(
                Self.request(url, url, url, url), returning: StartResponse.self)
                == .invalidArgument("cannot attach more than 3 callbacks to an execution"))
        let large = Self.request(url) {
            $0.completionCallbacks[0].nexus.header = ["k": String(repeating: "v", count: 8_192)]
        }
        #expect(
            await world.refusal(large, returning: StartResponse.self)
                == .invalidArgument(
                    "invalid header: header size longer than max allowed size of 8192"))
        let linked = Self.request(url) {
            $0.links = (1...6).map { Self.link("\($0)") }
            $0.completionCallbacks[0].links = (7...11).map { Self.link("\($0)") }
        }
        #expect(
            await world.refusal(linked, returning: StartResponse.self)
                == .invalidArgument("cannot attach more than 10 links per request, got 11"))
    }

    private static func link(_ workflowID: String) -> Temporal_Api_Common_V1_Link {
        .with {
            $0.workflowEvent.namespace = "n"
            $0.workflowEvent.workflowID = workflowID
            $0.workflowEvent.runID = "r"
        }
    }

    @Test("History gets callbacks with keys in lower case, and no link twice")
    func prepared() async throws {
        let world = FrontendWorld { $0 = Self.settings() }
        world.history.answer(.success(.started(.with { $0.runID = "r" })))
        let request = Self.request("http://plain.test", "https://b.safe.test:443/x") {
            $0.completionCallbacks[0].nexus.header = ["X-Key": "Value"]
            $0.completionCallbacks[0].links = [Self.link("shared")]
            $0.links = [Self.link("own"), Self.link("shared")]
        }
        let _: StartResponse = try await world.call(request)
        guard case .startWorkflowExecution(let sent) = world.history.operations.first else {
            Issue.record("no start")
            return
        }
        #expect(sent.completionCallbacks.count == 2)
        #expect(sent.completionCallbacks[0].nexus.header == ["x-key": "Value"])
        #expect(sent.links == [Self.link("own")])
        #expect(sent.completionCallbacks[0].links == [Self.link("shared")])
    }

    static let patterns: [(pattern: String, host: String, matches: Bool)] = [
        ("*", "a", true), ("*", "", true), ("a", "a", true), ("a", "ab", false),
        ("a", "xa", false), ("a*", "ab", true), ("*a", "ba", true), ("*a", "ab", false),
        ("a*c", "abbc", true), ("a*c", "abcb", false), ("a.c", "abc", false),
        ("p.*.d", "p.a.b.d", true), ("p.*.d", "p.d", false), ("*:80", "h:80", true),
        ("*a*b*", "xxaxxbxx", true), ("*a*b*", "xxbxxaxx", false),
    ]

    @Test("A star stands for anything", arguments: Self.patterns)
    func pattern(pattern: String, host: String, matches: Bool) throws {
        var rules = CallbackAddressRules()
        rules.everywhere = [.init(pattern: pattern, allowsInsecure: true)]
        guard !host.isEmpty else { return }
        let address = try CallbackAddress("http://\(host)")
        #expect(rules.decision(on: address, in: "n") == (matches ? .allowed : .unknown))
    }

    @Test("A namespace with rules of its own has only those; the first that matches counts")
    func scopes() throws {
        var rules = CallbackAddressRules()
        rules.everywhere = [
            .init(pattern: "a", allowsInsecure: false), .init(pattern: "*", allowsInsecure: true),
        ]
        rules.byNamespace["n"] = [.init(pattern: "b", allowsInsecure: true)]
        let a = try CallbackAddress("http://a"), b = try CallbackAddress("http://b")
        #expect(rules.decision(on: a, in: "other") == .insecure)
        #expect(rules.decision(on: b, in: "other") == .allowed)
        #expect(rules.decision(on: a, in: "n") == .unknown)
        #expect(rules.decision(on: b, in: "n") == .allowed)
    }
}
