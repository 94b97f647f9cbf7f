import Primitives

/// Advises workers whether to poll with more or fewer polls at a time.
package struct PollerScaling: Sendable {
    private static let waitLong = Duration.seconds(1)
    private static let backlogAgeMax = Duration.milliseconds(200)

    /// Ten advices to grow a second: what a new poll changes must show before the next one.
    private var growth = DispatchRateLimiter()

    package init() { self.growth.setRate(10, now: .epoch) }

    /// By how many polls a worker should change, as it gets a task; nil is "leave it".
    ///
    /// `waited` is how long its poll waited, `isSyncMatch` whether the task came after the poll,
    /// `oldestAt` since when the oldest task of the backlog waits.
    package mutating func suggestion(
        waited: Duration, isSyncMatch: Bool, oldestAt: Timestamp?, now: Timestamp
    ) -> Int32? {
        if isSyncMatch && waited >= Self.waitLong { return -1 }
        guard let oldestAt, now - oldestAt > Self.backlogAgeMax, self.growth.allows(now) else {
            return nil
        }
        self.growth.take(now)
        return 1
    }
}
