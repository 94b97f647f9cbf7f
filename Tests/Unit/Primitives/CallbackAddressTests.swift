import Primitives
import Testing

@Suite struct CallbackAddressTests {
    static let addresses: [(url: String, scheme: String, host: String, shown: String)] = [
        ("http://a", "http", "a", "http://a"),
        (
            "HTTPS://Example.com:8443/p/q", "https", "Example.com:8443",
            "https://Example.com:8443/p/q"
        ),
        ("https://u:p@host/x?token=secret#f", "https", "host", "https://host/x"),
        ("http://allowed@evil/", "http", "evil", "http://evil/"),
        ("http://a@b@c", "http", "c", "http://c"),
        ("http://127.0.0.1:80", "http", "127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://[::1]:80/x", "http", "[::1]:80", "http://[::1]:80/x"),
        ("http://host?q", "http", "host", "http://host"),
        ("http://host/a%20b", "http", "host", "http://host/a%20b"),
    ]

    @Test("A URL is taken apart", arguments: Self.addresses)
    func address(url: String, scheme: String, host: String, shown: String) throws {
        let address = try CallbackAddress(url)
        #expect(address.scheme == scheme)
        #expect(address.host == host)
        #expect(address.shown == shown)
    }

    static let flaws: [(url: String, flaw: CallbackAddress.Flaw)] = [
        ("", .unknownScheme("")), ("host", .unknownScheme("host")),
        ("user@host?secret", .unknownScheme("user")),
        ("ftp://host/x?secret", .unknownScheme("ftp://host/x")),
        ("temporal://system", .unknownScheme("temporal://system")),
        ("1http://host", .unknownScheme("1http://host")),
        ("http:", .missingHost), ("http:///x", .missingHost), ("http://:80", .missingHost),
        ("http:host", .missingHost),
        ("http://ho st", .malformed), ("http://host/\n", .malformed),
        ("http://good\\@evil", .malformed), ("http://höst", .malformed),
        ("http://host:", .malformed), ("http://host:x", .malformed),
        ("http://host:70000", .malformed), ("http://[::1", .malformed),
        ("http://a:1:2", .malformed), ("http://a,b", .malformed),
        ("http://user@", .missingHost),
    ]

    @Test("What could be read in two ways is no URL", arguments: Self.flaws)
    func flaw(url: String, flaw: CallbackAddress.Flaw) {
        #expect(throws: flaw) { try CallbackAddress(url) }
    }

    @Test("Calls to one destination share its fate")
    func destination() throws {
        #expect(try CallbackAddress("HTTP://Host:1/a?b").destination == "http://host:1")
    }

    static let dates: [(Int64, String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    ]

    @Test("A time as HTTP has it", arguments: Self.dates)
    func date(seconds: Int64, text: String) {
        let time = Timestamp(nanoseconds: seconds * 1_000_000_000 + 999_999_999)
        #expect(time.httpDate == text)
    }
}
