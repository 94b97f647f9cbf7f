import Foundation
import Frontend
import GRPCTransport
import Primitives
import TemporalAPI
import Testing

/// `docs/rpc-status.md` says which RPCs do their job, and the code agrees.
@Suite struct RPCStatusTests {
    static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../docs/rpc-status.md").standardizedFileURL

    static func text() throws -> String {
        let all = try RPCStatus.all()
        var lines = [
            "# RPC status", "",
            "Every RPC of the served APIs. One that is not built is answered `UNIMPLEMENTED` with",
            "its name. A test compares this page with the code; to write it anew:",
            "`WRITE_RPC_STATUS=1 swift test -c release --skip-build --filter RPCStatusTests`.", "",
        ]
        var services: [String] = []
        for status in all where !services.contains(status.rpc.service) {
            services.append(status.rpc.service)
        }
        for service in services {
            let rpcs = all.filter { $0.rpc.service == service }
            let built = rpcs.filter(\.isBuilt).count
            lines += ["## \(service)", "", "\(built) of \(rpcs.count) built.", ""]
            lines += ["| RPC | |", "|---|---|"]
            lines += rpcs.map { "| \($0.rpc.method) | \($0.isBuilt ? "built" : "unimplemented") |" }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    @Test("docs/rpc-status.md agrees with the code")
    func pageAgrees() throws {
        let expected = try Self.text()
        if ProcessInfo.processInfo.environment["WRITE_RPC_STATUS"] == "1" {
            try expected.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let page = try String(contentsOf: Self.file, encoding: .utf8)
        #expect(page == expected, "docs/rpc-status.md is out of date; it says how to write it anew")
    }

    @Test("Every built RPC is one of the API")
    func builtAreKnown() throws {
        let all = try RPCStatus.all()
        let methods = all.filter(\.isBuilt).map(\.rpc.method)
        #expect(methods.contains("GetSystemInfo"))
        #expect(methods.contains("Check"))
        #expect(Set(all.map(\.rpc)).count == all.count)
    }
}
