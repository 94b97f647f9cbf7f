import DynamicConfig
import Primitives
import TemporalAPI

extension FrontendService {
    /// Checks the callbacks a start request brings, and puts the keys of their headers in lower case.
    func checkedCallbacks(
        _ callbacks: [Temporal_Api_Common_V1_Callback], _ call: NamespaceCall
    ) throws(ServiceError) -> [Temporal_Api_Common_V1_Callback] {
        guard callbacks.count <= self.settings.callbacksMax else {
            throw .invalidArgument(
                "cannot attach more than \(self.settings.callbacksMax) callbacks to an execution")
        }
        var checked: [Temporal_Api_Common_V1_Callback] = []
        for var callback in callbacks {
            switch callback.variant {
            case .nexus(let nexus): callback.nexus = try self.checked(nexus, call)
            case .internal:
                // Servers make them for each other; nobody else may.
                throw .invalidArgument("unsupported callback variant: *common.Callback_Internal_")
            case .nexusHandler: throw .notBuilt("callbacks to nexus handlers are")
            case nil:
                throw ServiceError(.unimplemented, "unknown callback variant: <nil>")
            }
            checked.append(callback)
        }
        return checked
    }

    private func checked(
        _ nexus: Temporal_Api_Common_V1_Callback.Nexus, _ call: NamespaceCall
    ) throws(ServiceError) -> Temporal_Api_Common_V1_Callback.Nexus {
        let lengthMax = self.settings.callbackURLLengthMax
        guard nexus.url.utf8.count <= lengthMax else {
            throw .invalidArgument(
                "invalid url: url length longer than max length allowed of \(lengthMax)")
        }
        try self.checkAddress(nexus.url, call)
        let sizeMax = self.settings.callbackHeaderSizeMax
        let size = nexus.header.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard size <= sizeMax else {
            throw .invalidArgument(
                "invalid header: header size longer than max allowed size of \(sizeMax)")
        }
        var nexus = nexus
        // Of keys that become the same, the last one in order stays.
        nexus.header = nexus.header.sorted { $0.key < $1.key }
            .reduce(into: [:]) { $0[$1.key.lowercased()] = $1.value }
        return nexus
    }

    /// Checks where a callback goes.
    ///
    /// What is said of a URL leaves out what may be secret in it.
    private func checkAddress(_ url: String, _ call: NamespaceCall) throws(ServiceError) {
        guard url != "temporal://system", url != "temporal://internal" else {
            throw .notBuilt("callbacks to \(url) are")
        }
        let address: CallbackAddress
        do throws(CallbackAddress.Flaw) {
            address = try CallbackAddress(url)
        } catch {
            switch error {
            case .malformed: throw .invalidArgument("invalid callback url: not a URL")
            case .unknownScheme(let shown):
                throw .invalidArgument("invalid url: unknown scheme: \(shown)")
            case .missingHost: throw .invalidArgument("invalid url: missing host")
            }
        }
        switch self.settings.callbackAddresses.decision(on: address, in: call.namespace.name) {
        case .allowed: break
        case .insecure:
            throw .invalidArgument(
                "invalid url: callback address does not allow insecure connections: \(address.shown)"
            )
        case .unknown:
            throw .invalidArgument(
                "invalid url: url does not match any configured callback address: \(address.shown)")
        }
    }
}

extension StartWorkflowExecutionRequest {
    /// Leaves out the links that come with a callback anyway.
    mutating func dropLinksOfCallbacks() {
        let known = self.completionCallbacks.flatMap { callback in
            if case .nexus = callback.variant { callback.links } else { [Link]() }
        }
        self.links.removeAll(where: known.contains)
    }
}
