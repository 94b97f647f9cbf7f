import FoundationEssentials
import GRPCTransport
import StaticConfiguration

/// What the TLS of a listener is made of.
struct TLSContents: Equatable, Sendable {
    let certificate: [UInt8]
    let key: [UInt8]
    let clientAuthorities: [[UInt8]]
}

extension ServerTLS {
    /// Reads the files that are named.
    func contents() throws(StartError) -> TLSContents {
        var authorities: [[UInt8]] = []
        for material in self.clientAuthorities {
            authorities.append(try self.read(material, "clientCaData"))
        }
        return TLSContents(
            certificate: try self.read(self.certificate, "certData"),
            key: try self.read(self.key, "keyData"), clientAuthorities: authorities)
    }

    func security(of contents: TLSContents) throws(StartError) -> TransportSecurity {
        do throws(TransportSecurity.Flaw) {
            return try TransportSecurity(
                certificate: contents.certificate, key: contents.key,
                clientAuthorities: contents.clientAuthorities)
        } catch {
            throw StartError("\(self.place): \(error)")
        }
    }

    private func read(_ material: Material, _ key: String) throws(StartError) -> [UInt8] {
        switch material {
        case .file(let path):
            do throws(ConfigurationError) {
                return Array(try TextFile.read(path).utf8)
            } catch {
                throw StartError("\(self.place): \(error)")
            }
        case .base64(let text):
            guard let data = Data(base64Encoded: text.value) else {
                throw StartError("\(self.place).\(key) is not base64")
            }
            return Array(data)
        }
    }
}
