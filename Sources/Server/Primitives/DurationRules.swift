import SwiftProtobuf

/// What is wrong with a duration a caller sends, in Temporal's words; nil if nothing is.
package func durationFlaw(_ proto: Google_Protobuf_Duration) -> String? {
    if proto.seconds > 0 && proto.nanos < 0 || proto.seconds < 0 && proto.nanos > 0 {
        return "duration has seconds and nanos with different signs"
    }
    return proto.seconds < 0 || proto.nanos < 0 ? "negative duration" : nil
}

/// A caller's duration, if it is one the API allows: consistent, not negative.
///
/// At most ``Duration/longest``, so that sums and multiples of durations stay in range.
package func validDuration(_ proto: Google_Protobuf_Duration) -> Duration? {
    durationFlaw(proto) == nil ? Duration(clamping: proto) : nil
}
