/// Texts as PostgreSQL keeps them, which has no U+0000.
///
/// U+0000 is written as two U+0001, and U+0001 as U+0001 U+0002: every text has a form of its own,
/// and forms are ordered and start with each other just as the texts do.
package enum SQLText {
    /// The form of no text.
    static let unused: [UInt8] = [1]

    package static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 2 }) else { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0: bytes += [1, 1]
            case 1: bytes += [1, 2]
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text whose form is `bytes`.
    package static func unescaped(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.contains(1) else { return String(decoding: bytes, as: UTF8.self) }
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                plain.append(byte == 1 ? 0 : 1)
                isEscaped = false
            } else if byte == 1 {
                isEscaped = true
            } else {
                plain.append(byte)
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    package static func unescaped(_ text: String) -> String {
        var text = text
        return text.withUTF8 { self.unescaped($0) }
    }
}
