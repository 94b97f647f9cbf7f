import StaticConfiguration
import DynamicConfig
import Testing

@Suite struct DynamicConfigFileTests {
    @Test("Values for the whole server are applied, the rest is warned about")
    func values() throws {
        let file = try DynamicConfigFile(
            text: """
                limit.maxIDLength:
                  - value: 255
                LIMIT.BLOBSIZE.ERROR:
                  - value: 1000
                    constraints: {}
                history.longPollExpirationInterval:
                  - value: 5s
                    constraints:
                      namespace: slow
                  - value: 10s
                frontend.noSuchThing:
                  - value: true
                """, file: "d.yaml", over: Settings())
        var expected = Settings()
        expected.idLengthMax = 255
        expected.blobSizeErrorMax = 1000
        expected.historyLongPollExpiration = .seconds(10)
        #expect(file.settings == expected)
        #expect(
            file.warnings.map(\.description) == [
                "d.yaml:7: history.longPollExpirationInterval: a value for namespace has no "
                    + "effect: only values for the whole server are supported yet",
                "d.yaml:11: unknown key frontend.noSuchThing has no effect",
            ])
    }

    @Test("Values of the wrong type are named with their lines, all of them")
    func refusals() throws {
        let text = """
            limit.maxIDLength:
              - value: many
            history.longPollExpirationInterval:
              - value: true
            system.enableEagerWorkflowStart: true
            """
        do throws(ConfigurationError) {
            _ = try DynamicConfigFile(text: text, file: "d.yaml", over: Settings())
            Issue.record("nothing was refused")
        } catch {
            #expect(error.problems.map(\.line) == [2, 4, 5])
        }
    }

    @Test("A list is a value, for all namespaces or for one")
    func lists() throws {
        let file = try DynamicConfigFile(
            text: """
                callback.allowedAddresses:
                  - value:
                      - Pattern: "*.example.com:443"
                      - Pattern: localhost:*
                        AllowInsecure: true
                  - value:
                      - pattern: "*"
                        allow_insecure: true
                    constraints:
                      namespace: free
                  - value: []
                    constraints:
                      namespace: none
                      taskQueueName: q
                """, file: "d.yaml", over: Settings())
        var expected = Settings()
        expected.callbackAddresses.everywhere = [
            .init(pattern: "*.example.com:443", allowsInsecure: false),
            .init(pattern: "localhost:*", allowsInsecure: true),
        ]
        expected.callbackAddresses.byNamespace["free"] = [
            .init(pattern: "*", allowsInsecure: true)
        ]
        #expect(file.settings == expected)
        #expect(
            file.warnings.map(\.description) == [
                "d.yaml:11: callback.allowedAddresses: a value for namespace, taskQueueName has no "
                    + "effect: only values for the whole server or one namespace are supported yet"
            ])
    }

    @Test("A rule that makes no sense is named with its line")
    func listRefusals() throws {
        let text = """
            callback.allowedAddresses:
              - value: "*"
              - value: [{AllowInsecure: true}]
              - value: [{Pattern: "*", Secure: true}]
              - value: [{Pattern: "*", AllowInsecure: 1}]
              - value: ["*"]
            limit.maxIDLength:
              - value: [1]
            """
        do throws(ConfigurationError) {
            _ = try DynamicConfigFile(text: text, file: "d.yaml", over: Settings())
            Issue.record("nothing was refused")
        } catch {
            #expect(error.problems.map(\.line) == [2, 3, 4, 5, 6, 8])
        }
    }

    static let flags: [(flag: String, outcome: DynamicConfigFlag.Outcome?)] = [
        ("limit.maxIDLength=7", .applied),
        ("history.longPollExpirationInterval=\"7s\"", .applied),
        ("system.enableEagerWorkflowStart=false", .applied),
        (
            "frontend.enableServerVersionCheck=false",
            .unknownKey("frontend.enableServerVersionCheck")
        ),
        (
            #"callback.allowedAddresses=[{"Pattern":"*","AllowInsecure":true}]"#, .applied
        ),
        (#"callback.allowedAddresses=[{"Pattern":x}]"#, nil), ("limit.maxIDLength=[7]", nil),
        ("limit.maxIDLength=seven", nil), ("limit.maxIDLength=\"7\"", nil),
        ("limit.maxIDLength={}", nil), ("limit.maxIDLength", nil), ("=7", nil),
    ]

    @Test("A flag is KEY=JSON", arguments: Self.flags)
    func flag(flag: String, outcome: DynamicConfigFlag.Outcome?) {
        var settings = Settings()
        let result = try? DynamicConfigFlag.apply(flag, to: &settings)
        #expect(result == outcome)
        #expect((settings == Settings()) == (outcome != .applied))
    }
}
