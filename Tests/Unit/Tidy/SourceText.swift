/// Swift source without its comments and string literals; every line keeps its number.
///
/// Code inside string interpolations stays, because it runs.
struct SourceText {
    private let input: [Character]
    private var position = 0
    private var output: [Character] = []

    static func code(of source: String) -> String {
        var text = SourceText(source)
        text.scanCode(untilClosingParenthesis: false)
        return String(text.output)
    }

    private init(_ source: String) {
        self.input = Array(source)
        self.output.reserveCapacity(self.input.count)
    }

    private func startsWith(_ prefix: String, at offset: Int = 0) -> Bool {
        var index = self.position + offset
        for character in prefix {
            guard index < self.input.count, self.input[index] == character else { return false }
            index += 1
        }
        return true
    }

    private mutating func copy() {
        self.output.append(self.input[self.position])
        self.position += 1
    }

    /// Leaves characters out, but not the ends of their lines.
    private mutating func skip(_ count: Int = 1) {
        for _ in 0..<count where self.position < self.input.count {
            if self.input[self.position].isNewline { self.output.append("\n") }
            self.position += 1
        }
    }

    private mutating func scanCode(untilClosingParenthesis: Bool) {
        var depth = 0
        while self.position < self.input.count {
            if self.startsWith("//") {
                while self.position < self.input.count, !self.input[self.position].isNewline {
                    self.skip()
                }
            } else if self.startsWith("/*") {
                self.skipBlockComment()
            } else if let hashes = self.stringHashes() {
                self.skipString(hashes: hashes)
            } else {
                if self.input[self.position] == "(" { depth += 1 }
                if self.input[self.position] == ")" {
                    if untilClosingParenthesis, depth == 0 { return self.skip() }
                    depth -= 1
                }
                self.copy()
            }
        }
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if self.startsWith("/*") {
                depth += 1
                self.skip(2)
            } else if self.startsWith("*/") {
                depth -= 1
                self.skip(2)
            } else {
                self.skip()
            }
        } while depth > 0 && self.position < self.input.count
    }

    /// How many `#` the string literal that begins here has, or nil if none begins.
    private func stringHashes() -> Int? {
        var count = 0
        while self.startsWith("#", at: count) { count += 1 }
        return self.startsWith("\"", at: count) ? count : nil
    }

    private mutating func skipString(hashes: Int) {
        self.skip(hashes)
        let quote = self.startsWith("\"\"\"") ? "\"\"\"" : "\""
        let pounds = String(repeating: "#", count: hashes)
        self.skip(quote.count)
        // An empty pair of quotes keeps calls like `f("x", y)` well formed.
        self.output.append(contentsOf: "\"\"")
        while self.position < self.input.count {
            if self.startsWith(quote + pounds) { return self.skip(quote.count + hashes) }
            if self.startsWith("\\" + pounds + "(") {
                self.skip(2 + hashes)
                self.output.append(" ")
                self.scanCode(untilClosingParenthesis: true)
                self.output.append(" ")
            } else if self.startsWith("\\" + pounds) {
                self.skip(2 + hashes)
            } else {
                self.skip()
            }
        }
    }
}
