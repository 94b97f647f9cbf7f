/// Finds functions and initializers, and how many lines they take.
struct FunctionLengths {
    struct Function: Equatable, Sendable {
        let line: Int
        let length: Int
    }

    private let code: [Character]
    /// The line of each character, from 1.
    private var lineNumbers: [Int] = []

    static func functions(in codeLines: [String]) -> [Function] {
        FunctionLengths(codeLines).find()
    }

    private init(_ codeLines: [String]) {
        self.code = Array(codeLines.joined(separator: "\n"))
        var line = 1
        for character in self.code {
            self.lineNumbers.append(line)
            if character == "\n" { line += 1 }
        }
    }

    private func find() -> [Function] {
        self.code.indices.compactMap { start in
            guard self.isKeyword("func", at: start) || self.isKeyword("init", at: start),
                let open = self.bodyStart(after: start + 4),
                let close = self.matchingBrace(of: open)
            else { return nil }
            return Function(
                line: self.lineNumbers[start],
                length: self.lineNumbers[close] - self.lineNumbers[start] + 1)
        }
    }

    private func isWordCharacter(at index: Int) -> Bool {
        guard self.code.indices.contains(index) else { return false }
        let character = self.code[index]
        return character.isLetter || character.isNumber || "_.`$".contains(character)
    }

    private func isKeyword(_ word: String, at start: Int) -> Bool {
        guard self.code[start] == word.first, start + word.count <= self.code.count,
            String(self.code[start..<start + word.count]) == word
        else { return false }
        return !self.isWordCharacter(at: start - 1) && !self.isWordCharacter(at: start + word.count)
    }

    /// Where the body begins, or nil for a requirement of a protocol.
    private func bodyStart(after start: Int) -> Int? {
        let others = [
            "func", "init", "var", "let", "case", "static", "subscript", "associatedtype",
        ]
        var depth = 0
        for index in start..<self.code.count {
            switch self.code[index] {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return index
            case "}" where depth == 0: return nil
            case _ where depth == 0 && others.contains(where: { self.isKeyword($0, at: index) }):
                return nil
            default: continue
            }
        }
        return nil
    }

    private func matchingBrace(of open: Int) -> Int? {
        var depth = 0
        for index in open..<self.code.count {
            if self.code[index] == "{" { depth += 1 }
            if self.code[index] == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
