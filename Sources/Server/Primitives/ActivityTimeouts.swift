import SwiftProtobuf
import TemporalAPI

/// An activity's timeouts after normalisation; zero is "none".
package struct ActivityTimeouts: Equatable, Sendable {
    /// What a request wants them to be.
    package struct Wanted {
        package var scheduleToClose: Google_Protobuf_Duration
        package var scheduleToStart: Google_Protobuf_Duration
        package var startToClose: Google_Protobuf_Duration
        package var heartbeat: Google_Protobuf_Duration

        package init(
            scheduleToClose: Google_Protobuf_Duration, scheduleToStart: Google_Protobuf_Duration,
            startToClose: Google_Protobuf_Duration, heartbeat: Google_Protobuf_Duration
        ) {
            self.scheduleToClose = scheduleToClose
            self.scheduleToStart = scheduleToStart
            self.startToClose = startToClose
            self.heartbeat = heartbeat
        }
    }

    package var scheduleToClose: Duration
    package var scheduleToStart: Duration
    package var startToClose: Duration
    package var heartbeat: Duration

    /// Fills in what is missing from what is given, as far as the run's own timeout.
    package init(_ wanted: Wanted, of activityID: String, _ type: String, runTimeout: Duration)
        throws(ServiceError)
    {
        self.scheduleToClose = try Self.valid(wanted.scheduleToClose, "ScheduleToCloseTimeout")
        self.scheduleToStart = try Self.valid(wanted.scheduleToStart, "ScheduleToStartTimeout")
        self.startToClose = try Self.valid(wanted.startToClose, "StartToCloseTimeout")
        self.heartbeat = try Self.valid(wanted.heartbeat, "HeartbeatTimeout")
        if self.scheduleToClose > .zero {
            self.scheduleToStart = Self.limited(self.scheduleToStart, to: self.scheduleToClose)
            self.startToClose = Self.limited(self.startToClose, to: self.scheduleToClose)
        } else if self.startToClose > .zero {
            self.scheduleToClose = runTimeout
            if self.scheduleToStart == .zero { self.scheduleToStart = runTimeout }
        } else {
            throw .invalidArgument(
                "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the "
                    + "activity. ActivityId=\(activityID) ActivityType=\(type)")
        }
        if runTimeout > .zero {
            self.scheduleToClose = min(self.scheduleToClose, runTimeout)
            self.scheduleToStart = min(self.scheduleToStart, runTimeout)
            self.startToClose = min(self.startToClose, runTimeout)
            self.heartbeat = min(self.heartbeat, runTimeout)
        }
        self.heartbeat = min(self.heartbeat, self.startToClose)
    }

    private static func valid(
        _ timeout: Google_Protobuf_Duration, _ name: String
    ) throws(ServiceError) -> Duration {
        if let flaw = durationFlaw(timeout) {
            throw .invalidArgument("invalid \(name): \(flaw)")
        }
        return Duration(clamping: timeout)
    }

    private static func limited(_ timeout: Duration, to limit: Duration) -> Duration {
        timeout == .zero ? limit : min(timeout, limit)
    }
}

extension ActivityTimeouts.Wanted {
    package init(_ attributes: Temporal_Api_Command_V1_ScheduleActivityTaskCommandAttributes) {
        self.init(
            scheduleToClose: attributes.scheduleToCloseTimeout,
            scheduleToStart: attributes.scheduleToStartTimeout,
            startToClose: attributes.startToCloseTimeout, heartbeat: attributes.heartbeatTimeout)
    }

    package init(_ options: Temporal_Api_Activity_V1_ActivityOptions) {
        self.init(
            scheduleToClose: options.scheduleToCloseTimeout,
            scheduleToStart: options.scheduleToStartTimeout,
            startToClose: options.startToCloseTimeout, heartbeat: options.heartbeatTimeout)
    }
}
