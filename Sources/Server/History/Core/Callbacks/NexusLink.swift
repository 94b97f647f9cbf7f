import SwiftProtobuf
import TemporalAPI

extension Temporal_Api_Common_V1_Link.WorkflowEvent {
    /// This link as the value of a `Nexus-Link` header.
    var nexusHeader: String {
        let path = [self.namespace, self.workflowID, self.runID].map(\.percentEncoded)
        let query =
            switch self.reference {
            case .eventRef(let event):
                "eventID=\(event.eventID)&eventType=\(event.eventType.name)"
                    + "&referenceType=EventReference"
            case .requestIDRef(let request):
                "eventType=\(request.eventType.name)&referenceType=RequestIdReference"
                    + "&requestID=\(request.requestID.percentEncoded)"
            case nil: ""
            }
        let page = "namespaces/\(path[0])/workflows/\(path[1])/\(path[2])/history"
        return "<temporal:///\(page)?\(query)>; type=\"temporal.api.common.v1.Link.WorkflowEvent\""
    }
}

extension EventType {
    /// As Temporal's own code spells it: `WorkflowExecutionStarted`.
    fileprivate var name: String {
        let name = "\(self)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }
}

extension String {
    /// This text as a part of a URL, with everything encoded that means something there.
    fileprivate var percentEncoded: String {
        self.utf8.reduce(into: "") { text, byte in
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }
}

extension Google_Protobuf_Timestamp {
    /// As JSON has it: UTC, with as many digits of the second as it takes.
    var rfc3339: String {
        // Every time there is an event of has this form.
        ((try? self.jsonString()) ?? "").filter { $0 != "\"" }
    }
}
