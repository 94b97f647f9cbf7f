/// The types and relations rules are made of, as OpenFGA writes them.
struct AuthorizationModel: Codable, Equatable, Sendable {
    let schema_version: String
    let type_definitions: [TypeDefinition]

    struct TypeDefinition: Codable, Equatable, Sendable {
        let type: String
        var relations: [String: Rewrite]?
        var metadata: Metadata?

        /// OpenFGA answers with nothing in many ways.
        static func == (left: Self, right: Self) -> Bool {
            left.type == right.type && (left.relations ?? [:]) == (right.relations ?? [:])
                && (left.metadata?.relations ?? [:]) == (right.metadata?.relations ?? [:])
        }
    }

    /// Who has a relation: whoever is named, and whoever has another one.
    struct Rewrite: Codable, Equatable, Sendable {
        struct Direct: Codable, Equatable, Sendable {}
        struct Computed: Codable, Equatable, Sendable { let relation: String }
        struct Union: Codable, Equatable, Sendable { let child: [Rewrite] }

        var this: Direct?
        var computedUserset: Computed?
        var union: Union?

        static let direct = Rewrite(this: Direct())
        static func directOr(_ relation: String) -> Rewrite {
            Rewrite(
                union: Union(child: [
                    .direct, Rewrite(computedUserset: Computed(relation: relation)),
                ]))
        }
    }

    struct Metadata: Codable, Equatable, Sendable {
        let relations: [String: Relation]?

        struct Relation: Codable, Equatable, Sendable {
            let directly_related_user_types: [Allowed]
        }

        struct Allowed: Codable, Equatable, Sendable {
            struct Wildcard: Codable, Equatable, Sendable {}

            let type: String
            var relation: String?
            var wildcard: Wildcard?
            var condition: String?

            /// OpenFGA answers with empty texts for what is not there.
            static func == (left: Self, right: Self) -> Bool {
                left.type == right.type && left.wildcard == right.wildcard
                    && (left.relation ?? "") == (right.relation ?? "")
                    && (left.condition ?? "") == (right.condition ?? "")
            }
        }
    }

    /// Users are in groups, and groups have roles in namespaces, of which each includes the next.
    static let own = AuthorizationModel(
        schema_version: "1.1",
        type_definitions: [
            TypeDefinition(type: "user"),
            TypeDefinition(
                type: "group", relations: ["member": .direct],
                metadata: Metadata(relations: [
                    "member": .init(directly_related_user_types: [.init(type: "user")])
                ])),
            TypeDefinition(
                type: "namespace",
                relations: [
                    "admin": .direct, "writer": .directOr("admin"), "reader": .directOr("writer"),
                ],
                metadata: Metadata(
                    relations: ["admin", "writer", "reader"].reduce(into: [:]) {
                        $0[$1] = .init(
                            directly_related_user_types: [.init(type: "group", relation: "member")])
                    })),
        ])
}
