import Authorization
import Testing

@Suite struct ClaimsTests {
    @Test(
        "Names are trimmed, and no name is none",
        arguments: [
            ("", []), (" ", []), (",", []), ("a", ["a"]), ("a, b", ["a", "b"]),
            (" a ,b,,\tc d\t", ["a", "b", "c d"]),
        ] as [(String, [String])])
    func names(list: String, expected: [String]) {
        #expect(GroupRules.names(list) == expected)
    }

    @Test("The strongest role counts, whatever the order")
    func strongestRole() {
        let rules = GroupRules(adminGroups: "", openNamespaces: "", mode: .strict)
        let accesses: [Access] = [.read, .write, .admin]
        for first in accesses {
            for second in accesses {
                let roles = [first, second].map { GroupRole(namespace: "alpha", access: $0) }
                #expect(
                    rules.claims(of: roles) == Claims(namespaces: ["alpha": max(first, second)]))
            }
        }
    }

    @Test("Open namespaces are for writers, and no rule lowers that")
    func openNamespaces() {
        let rules = GroupRules(adminGroups: "", openNamespaces: "public, open", mode: .strict)
        #expect(
            rules.claims(of: []) == Claims(namespaces: ["public": .write, "open": .write]))
        let roles = [
            GroupRole(namespace: "public", access: .read),
            GroupRole(namespace: "open", access: .admin),
        ]
        #expect(
            rules.claims(of: roles) == Claims(namespaces: ["public": .write, "open": .admin]))
    }

    @Test("A member of an admin group may do everything, by its exact name")
    func adminGroups() {
        let strict = GroupRules(adminGroups: "ops, admins", openNamespaces: "", mode: .strict)
        let charmed = GroupRules(adminGroups: "ops, admins", openNamespaces: "", mode: .charmed)
        #expect(strict.claims(ofMemberOf: ["x", "admins"]) == Claims(system: .admin))
        #expect(charmed.claims(ofMemberOf: ["admins"]) == Claims(system: .write))
        for groups in [[], ["op"], ["Ops"], ["ops2"], [""]] {
            #expect(strict.claims(ofMemberOf: groups) == nil)
        }
        let nobody = GroupRules(adminGroups: " , ", openNamespaces: "", mode: .strict)
        #expect(nobody.claims(ofMemberOf: ["", " "]) == nil)
    }

    @Test(
        "Permissions are read as Temporal reads them",
        arguments: [
            ([], Claims()),
            (
                ["alpha:read", "alpha:ADMIN", "beta:Write"],
                Claims(namespaces: ["alpha": .admin, "beta": .write])
            ),
            (["temporal-system:read", "temporal-system:write"], Claims(system: .write)),
            (["alpha:worker", "temporal-system:worker"], Claims()),
            (["alpha", "alpha:", ":read", "alpha:read:write", "alpha:owner", ""], Claims()),
        ] as [([String], Claims)])
    func permissions(entries: [String], expected: Claims) {
        #expect(Permissions.claims(entries) == expected)
    }
}
