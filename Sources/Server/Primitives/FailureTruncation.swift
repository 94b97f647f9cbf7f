import SwiftProtobuf
import TemporalAPI

extension Temporal_Api_Failure_V1_Failure {
    /// A failure of the server's own making.
    package static func server(_ message: String, nonRetryable: Bool) -> Self {
        .with {
            $0.message = message
            $0.serverFailureInfo = .with { $0.nonRetryable = nonRetryable }
        }
    }

    /// The beginnings of this failure's texts and of its causes', in about `sizeMax` bytes.
    package func truncated(to sizeMax: Int, depthMax: Int = 20) -> Self {
        var left = sizeMax
        func cut(_ text: String) -> String {
            guard left > 0 else { return "" }
            let kept = text.beginning(ofUTF8Length: left)
            // A field costs a few bytes beside its text.
            if !kept.isEmpty { left -= kept.utf8.count + 4 }
            return kept
        }
        return .with {
            switch self.failureInfo {
            case .applicationFailureInfo(let info):
                $0.applicationFailureInfo = .with {
                    $0.nonRetryable = info.nonRetryable
                    $0.type = cut(info.type)
                }
                left -= 8
            case .serverFailureInfo(let info):
                $0.serverFailureInfo.nonRetryable = info.nonRetryable
                left -= 4
            default: break
            }
            $0.source = cut(self.source)
            $0.message = cut(self.message)
            $0.stackTrace = cut(self.stackTrace)
            if self.hasCause, left > 4, depthMax > 0 {
                $0.cause = self.cause.truncated(to: left - 4, depthMax: depthMax - 1)
            }
        }
    }
}

extension String {
    /// The longest beginning of whole characters that has at most `length` bytes.
    package func beginning(ofUTF8Length length: Int) -> String {
        guard self.utf8.count > length else { return self }
        var size = 0
        return String(
            self.prefix { character in
                size += character.utf8.count
                return size <= length
            })
    }
}
