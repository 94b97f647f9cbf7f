/// A statement with its parameters.
struct SQLStatement: Sendable {
    let sql: String
    let parameters: [SQLParameter]
    /// Whether the statement's text comes again, so that it is worth planning once for each
    /// connection.
    let isPrepared: Bool

    init(_ sql: String, _ parameters: [SQLParameter], isPrepared: Bool = true) {
        self.sql = sql
        self.parameters = parameters
        self.isPrepared = isPrepared
    }
}
