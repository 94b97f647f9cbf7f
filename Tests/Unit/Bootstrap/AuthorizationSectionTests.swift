import StaticConfiguration
import Testing

@Suite struct AuthorizationSectionTests {
    private static let rest = """
        persistence:
          defaultStore: main
          datastores:
            main:
              sql: {pluginName: sqlite, connectAttributes: {mode: memory}}

        """

    private static func parse(_ text: String) throws(ConfigurationError) -> ServerConfiguration {
        try ServerConfiguration(texts: [("a.yaml", Self.rest + text)])
    }

    private static func section(quote: String) -> String {
        func text(_ value: String) -> String { quote + value + quote }
        return """
            auth:
              enabled: \(text("true"))
              adminGroups: \(text("ops, admins"))
              mode: \(text("charmed"))
              claimsMaxAge: \(text("30s"))
              ofga:
                apiScheme: \(text("http"))
                apiHost: \(text("openfga.internal"))
                apiPort: \(text("8080"))
                token: \(text("key"))
                storeID: \(text("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
                authModelID: \(text("01ARZ3NDEKTSV4RRFFQ69G5FAV"))

            """
    }

    @Test("Values mean the same with quotes and without")
    func quotes() throws {
        let bare = try Self.parse(Self.section(quote: "")).oauth
        #expect(try Self.parse(Self.section(quote: "\"")).oauth == bare)
        #expect(bare.isEnabled && bare.mode == .charmed && bare.claimsMaxAge == .seconds(30))
        #expect(bare.openFGA.url == "http://openfga.internal:8080")
        #expect(bare.openFGA.token.value == "key" && !"\(bare)".contains("key\""))
        #expect(bare.timeout == .seconds(5) && bare.clientID.isEmpty)
    }

    @Test("Commands can do without a store, a server cannot")
    func storeIsNeededAtStart() throws {
        let text = Self.section(quote: "")
            .replacing("storeID: 01ARZ3NDEKTSV4RRFFQ69G5FAV", with: "storeID:")
        let configuration = try Self.parse(text)
        #expect(configuration.oauth.openFGA.storeID.isEmpty)
        #expect(configuration.startProblems.map(\.message) == ["auth.ofga.storeID is missing"])
        #expect(throws: ConfigurationError.self) { try configuration.checkStart() }
        let off = try Self.parse(text.replacing("enabled: true", with: "enabled: false"))
        #expect(off.startProblems.isEmpty && off.authorization == nil)
    }

    @Test("The internal frontend is not reached from elsewhere unless it is said so")
    func internalFrontend() throws {
        let configuration = try Self.parse(
            """
            services:
              frontend: {rpc: {grpcPort: 1}}
              internal-frontend: {rpc: {grpcPort: 2}}
            """)
        #expect(configuration.rpc[.frontend]?.ip == "0.0.0.0")
        #expect(configuration.rpc[.internalFrontend]?.ip == "127.0.0.1")
    }

    @Test("There is one way to ask callers who they are")
    func oneWay() throws {
        let jwt = """
            global:
              authorization:
                authorizer: default
                claimMapper: default
                jwtKeyProvider: {keySourceURIs: ["https://issuer/keys"], refreshInterval: 5m}

            """
        let configuration = try Self.parse(jwt)
        #expect(configuration.jwt?.refreshInterval == .seconds(300))
        #expect(throws: ConfigurationError.self) {
            try Self.parse(Self.section(quote: "") + jwt)
        }
        #expect(try Self.parse(jwt.replacing(": default", with: ": \"\"")).authorization == nil)
    }
}
