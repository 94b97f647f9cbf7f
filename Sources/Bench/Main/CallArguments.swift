import ArgumentParser
import BenchConnections
import FoundationEssentials

/// What calls need beside an address: headers, users, TLS.
struct CallArguments: ParsableArguments {
    @Option(
        name: .customLong("header"),
        help: "Send a header with every call, NAME=VALUE; may be repeated.")
    var headers: [String] = []

    @Option(help: "Call as many users: a file with one bearer token a line, used in turn.")
    var tokens: String?

    @Flag(name: .customLong("tls"), help: "Speak TLS, and trust what the system trusts.")
    var speaksTLS = false

    @Option(help: "Speak TLS, and trust the certificates in this file instead.")
    var tlsCaPath: String?

    @Option(help: "Show the certificate in this file; takes --tls-key-path as well.")
    var tlsCertPath: String?

    @Option(help: "The key of that certificate.")
    var tlsKeyPath: String?

    func validate() throws {
        guard (self.tlsCertPath == nil) == (self.tlsKeyPath == nil) else {
            throw ValidationError("--tls-cert-path and --tls-key-path belong together")
        }
        do throws(CallHeaders.Refusal) {
            _ = try CallHeaders(fields: self.headers)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    var security: ConnectionSecurity {
        let own = self.tlsCertPath.flatMap { certificate in
            self.tlsKeyPath.map { (certificate: certificate, key: $0) }
        }
        guard self.speaksTLS || self.tlsCaPath != nil || own != nil else { return .plaintext }
        return .tls(authority: self.tlsCaPath, own: own)
    }

    /// Reads the file of tokens, if there is one.
    func callHeaders() throws(CallHeaders.Refusal) -> CallHeaders {
        guard let path = self.tokens else { return try CallHeaders(fields: self.headers) }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CallHeaders.Refusal("--tokens: \(path) cannot be read as text")
        }
        return try CallHeaders(fields: self.headers, tokens: text)
    }
}
