import Authorization
import Primitives

/// How a run's node is configured to ask its callers, drawn from the seed.
package struct AuthorizationSettings: Sendable {
    package static let tokenInfoURL = "https://tokens.example.com/tokeninfo"
    package static let openFGAURL = "http://openfga.example.com:8080"
    package static let storeID = "01K3Z0V6T3Q9Y5W8R2N4M7P1XB"
    static let modelID = "01K3Z0V7A1B2C3D4E5F6G7H8JK"
    /// What OpenFGA is asked with; what begins like this must be seen nowhere else.
    static let openFGAKey = "simulated-openfga-key"
    static let operatorGroup = "operators"
    /// A namespace that everybody may write to, if any is open.
    package static let openNamespace = "auth-open"

    package let mode: AuthorizationMode
    package let ageMax: Duration
    package let timeout: Duration
    /// Empty takes tokens of every application.
    let clientID: String
    /// As somebody writes it.
    let adminGroups: String
    package let openNamespaces: String
    /// Tuples in an answer of OpenFGA, at most.
    let pageSizeMax: Int
    /// Whether there are so many rules that answers take several pages of any size.
    let isCrowded: Bool

    package init(using random: inout SeededGenerator) {
        let isCrowded = Int.random(in: 0..<4, using: &random) == 0
        let size = [1, 2, 3, 100].randomElement(using: &random) ?? 1
        self.init(
            mode: Bool.random(using: &random) ? .strict : .charmed,
            ageMax: .seconds([2, 5, 20, 60].randomElement(using: &random) ?? 60),
            timeout: .seconds(Int.random(in: 2...5, using: &random)),
            clientID: Bool.random(using: &random) ? "client.apps.example.com" : "",
            adminGroups: ["operators", "chiefs , operators", " operators,,"].randomElement(
                using: &random) ?? "operators",
            openNamespaces: ["", " \(Self.openNamespace) "].randomElement(using: &random) ?? "",
            pageSizeMax: isCrowded ? max(size, 50) : size, isCrowded: isCrowded)
    }

    package init(
        mode: AuthorizationMode = .strict, ageMax: Duration = .seconds(60),
        timeout: Duration = .seconds(5), clientID: String = "", adminGroups: String = "operators",
        openNamespaces: String = "", pageSizeMax: Int = 100, isCrowded: Bool = false
    ) {
        self.mode = mode
        self.ageMax = ageMax
        self.timeout = timeout
        self.clientID = clientID
        self.adminGroups = adminGroups
        self.openNamespaces = openNamespaces
        self.pageSizeMax = pageSizeMax
        self.isCrowded = isCrowded
    }

    var isOpen: Bool { !self.openNamespaces.isEmpty }
}
