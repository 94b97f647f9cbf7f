import FoundationEssentials
import GRPCTransport
import StaticConfiguration

extension [ServiceRole: ServerTLS] {
    /// TLS of each listener, from the files that are named.
    func securities() throws(StartError) -> [ServiceRole: TransportSecurity] {
        var securities: [ServiceRole: TransportSecurity] = [:]
        for (role, tls) in self.sorted(by: { $0.key < $1.key }) {
            securities[role] = try tls.security()
        }
        return securities
    }
}

extension ServerTLS {
    fileprivate func security() throws(StartError) -> TransportSecurity {
        var authorities: [[UInt8]] = []
        for material in self.clientAuthorities {
            authorities.append(try self.read(material, "clientCaData"))
        }
        let certificate = try self.read(self.certificate, "certData")
        let key = try self.read(self.key, "keyData")
        do throws(TransportSecurity.Flaw) {
            return try TransportSecurity(
                certificate: certificate, key: key, clientAuthorities: authorities)
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
