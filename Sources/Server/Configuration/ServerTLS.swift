/// How a listener proves who it is, and whether its callers must.
package struct ServerTLS: Sendable, Equatable {
    /// What is in a file, or in the configuration itself as base64.
    package enum Material: Sendable, Equatable {
        case file(String)
        case base64(Secret)
    }

    package var certificate: Material
    package var key: Material
    /// Whose certificates callers must show one of; empty if they need none.
    package var clientAuthorities: [Material] = []
    /// Where it is written, for problems with the files.
    package var place: ConfigurationProblem
}

extension ServerConfiguration {
    /// `global.tls`: the public frontend has a section of its own, all else is between nodes.
    mutating func readTLS(_ section: SectionReader) {
        var section = section
        if let part = section.section("internode") {
            let tls = Self.endpoint(part)
            for role in ServiceRole.allCases where role != .frontend { self.tls[role] = tls }
        }
        if let part = section.section("frontend") { self.tls[.frontend] = Self.endpoint(part) }
        // The system's own worker calls within the process.
        section.ignore("systemWorker")
        if let interval = section.duration("refreshInterval")?.value, interval > .zero {
            self.tlsRefreshInterval = interval
        }
        section.warn("expirationChecks", "has no effect: expiry of certificates is not checked")
        section.refuse("remoteClusters")
        section.finish()
    }

    private static func endpoint(_ section: SectionReader) -> ServerTLS? {
        var section = section
        let tls = section.section("server").flatMap { Self.server($0) }
        // Nothing of this server calls another node yet.
        section.ignore("client")
        section.refuse("hostOverrides")
        section.finish()
        return tls
    }

    private static func server(_ section: SectionReader) -> ServerTLS? {
        var section = section
        let certificate = Self.material("certFile", "certData", &section)
        let key = Self.material("keyFile", "keyData", &section)
        let mustShow = section.bool("requireClientAuth")?.value ?? false
        let files = section.strings("clientCaFiles") ?? []
        let texts = section.strings("clientCaData") ?? []
        section.finish()
        let authorities: [ServerTLS.Material] =
            files.filter { !$0.isEmpty }.map { .file($0) }
            + texts.filter { !$0.isEmpty }.map { .base64(Secret($0)) }
        if mustShow, authorities.isEmpty {
            section.problem(
                "\(section.name("requireClientAuth")) takes clientCaFiles or clientCaData as well")
        }
        if certificate == nil, key == nil, !mustShow { return nil }
        if certificate == nil { section.problem("\(section.name("certFile")) is missing") }
        if key == nil { section.problem("\(section.name("keyFile")) is missing") }
        guard let certificate, let key else { return nil }
        return ServerTLS(
            certificate: certificate, key: key, clientAuthorities: mustShow ? authorities : [],
            place: ConfigurationProblem(
                file: section.node.file, line: section.node.line, message: section.path))
    }

    private static func material(
        _ fileKey: String, _ dataKey: String, _ section: inout SectionReader
    ) -> ServerTLS.Material? {
        let file = section.string(fileKey) ?? "", data = section.string(dataKey) ?? ""
        if !file.isEmpty, !data.isEmpty {
            section.problem(
                "\(section.path) has both \(fileKey) and \(dataKey); one is enough")
        }
        if !file.isEmpty { return .file(file) }
        return data.isEmpty ? nil : .base64(Secret(data))
    }
}
