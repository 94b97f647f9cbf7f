import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// Lists find a run by this attribute while it, or an activity of it, is paused.
    static let pauseInfoAttribute = "TemporalPauseInfo"

    /// What ``pauseInfoAttribute`` says; nil if nothing is paused.
    var pauseInfo: Temporal_Api_Common_V1_Payload? {
        var entries: [String] = []
        if self.info.hasPause {
            entries.append("Workflow:\(self.info.workflowID)")
            if !self.info.pause.reason.isEmpty {
                entries.append("Reason:\(self.info.pause.reason)")
            }
        }
        let types = Set(self.activities.values.filter(\.hasPause).map(\.activityType))
        entries += types.sorted().map { "property:activityType=\($0)" }
        return entries.isEmpty ? nil : .keywords(entries)
    }
}

extension Transition {
    /// Brings ``MutableState/pauseInfoAttribute`` up to date; no event tells of it.
    mutating func updatePauseInfo() {
        self.setSearchAttribute(MutableState.pauseInfoAttribute, to: self.state.pauseInfo)
    }
}

extension Temporal_Api_Common_V1_Payload {
    /// A search attribute of type Int.
    static func integer(_ value: Int64) -> Self {
        .with {
            $0.metadata["encoding"] = Data("json/plain".utf8)
            $0.metadata["type"] = Data("Int".utf8)
            $0.data = Data(String(value).utf8)
        }
    }

    /// A search attribute of type KeywordList.
    static func keywords(_ values: [String]) -> Self {
        .with {
            $0.metadata["encoding"] = Data("json/plain".utf8)
            $0.metadata["type"] = Data("KeywordList".utf8)
            $0.data = Data("[\(values.map(quoted).joined(separator: ","))]".utf8)
        }
    }
}

/// `text` as a JSON string.
private func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": json += "\\\""
        case "\\": json += "\\\\"
        case "\u{0}"..."\u{1f}":
            let digits = String(scalar.value, radix: 16)
            json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: json.unicodeScalars.append(scalar)
        }
    }
    return json + "\""
}
