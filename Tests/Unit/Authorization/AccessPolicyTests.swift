import Authorization
import Primitives
import Testing

@Suite struct AccessPolicyTests {
    /// Who is let in by which policy: strict, charmed, Temporal's.
    struct Case: CustomTestStringConvertible, Sendable {
        let claims: Claims
        let method: String
        var namespace = "alpha"
        let strict: Bool
        let charmed: Bool
        let temporal: Bool

        var testDescription: String { "\(self.method) in '\(self.namespace)' by \(self.claims)" }
    }

    private static let read = "DescribeWorkflowExecution"
    private static let write = "StartWorkflowExecution"
    private static let change = "UpdateNamespace"
    private static let cluster = "GetClusterInfo"

    private static func role(_ access: Access) -> Claims { Claims(namespaces: ["alpha": access]) }

    private static func all(_ claims: Claims, _ method: String, in namespace: String = "alpha")
        -> Case
    {
        Case(
            claims: claims, method: method, namespace: namespace, strict: true, charmed: true,
            temporal: true)
    }

    private static func none(_ claims: Claims, _ method: String, in namespace: String = "alpha")
        -> Case
    {
        Case(
            claims: claims, method: method, namespace: namespace, strict: false, charmed: false,
            temporal: false)
    }

    static let cases: [Case] = [
        all(Claims(), "GetSystemInfo"),
        none(Claims(), read), none(Claims(), cluster), none(Claims(), "ListNamespaces"),
        all(role(.read), read), none(role(.read), write), none(role(.read), change),
        all(role(.write), read), all(role(.write), write),
        Case(
            claims: role(.write), method: change, strict: false, charmed: true, temporal: false),
        all(role(.admin), change),
        none(role(.admin), read, in: "beta"), none(role(.admin), read, in: ""),
        none(role(.admin), read, in: "alph"), none(role(.admin), read, in: "Alpha"),
        none(Claims(namespaces: ["": .admin]), read, in: ""),
        Case(claims: role(.read), method: cluster, strict: true, charmed: true, temporal: false),
        all(Claims(system: .read), cluster), all(Claims(system: .read), read, in: "beta"),
        none(Claims(system: .read), write),
        Case(
            claims: Claims(system: .write), method: change, strict: false, charmed: true,
            temporal: false),
        all(Claims(system: .admin), change, in: ""), all(Claims(system: .write), write, in: ""),
    ]

    @Test("A role is enough, or it is not", arguments: Self.cases)
    func decision(_ each: Case) {
        let rpc = RPCName(service: workflowService, method: each.method)
        for (policy, expected) in [
            (AccessPolicy.strict, each.strict), (.charmed, each.charmed),
            (.temporal, each.temporal),
        ] {
            #expect(policy.allows(each.claims, to: rpc, in: each.namespace) == expected)
        }
    }

    @Test("More access never takes away what less allows")
    func accessIsMonotonous() {
        for policy in [AccessPolicy.strict, .charmed, .temporal] {
            for rpc in AccessTable.requirements.keys {
                var wasAllowed = false
                for access in Access.allCases {
                    let claims = Claims(namespaces: ["alpha": access])
                    let isAllowed = policy.allows(claims, to: rpc, in: "alpha")
                    #expect(isAllowed || !wasAllowed, "\(rpc.method) at \(access)")
                    wasAllowed = isAllowed
                }
            }
        }
    }

    @Test("Whoever is not asked may do everything, whoever is asked only what they may")
    func callers() {
        let rpc = RPCName(service: workflowService, method: Self.write)
        #expect(Caller.unasked.may(rpc, in: "") && Caller.unasked.may(.admin, in: "alpha"))
        let identity = Identity(principal: "anna@example.com", claims: Self.role(.write))
        let caller = Caller(identity, under: .strict)
        #expect(caller.may(rpc, in: "alpha") && !caller.may(rpc, in: "beta"))
        #expect(caller.may(.write, in: "alpha") && !caller.may(.admin, in: "alpha"))
    }
}
