import FoundationEssentials
import FoundationInternationalization

/// The time zone a cron schedule is read in.
///
/// What it answers depends on its name and the moment asked about only: neither the machine's own
/// zone nor its clock is looked at.
struct CronZone: Sendable {
    private let zone: TimeZone?

    static let utc = CronZone(zone: nil)

    private init(zone: TimeZone?) { self.zone = zone }

    /// A zone by its name in the IANA database; nil if there is none.
    init?(named name: String) {
        if name.isEmpty || name == "UTC" || name == "Local" {
            self = .utc
            return
        }
        // Foundation also takes abbreviations and offsets, which are not names.
        guard name.contains("/") || Self.namesWithoutRegion.contains(name),
            let zone = TimeZone(identifier: name)
        else { return nil }
        self.zone = zone
    }

    /// Seconds to add to UTC, given in seconds since 1970, to get this zone's time.
    func offset(at seconds: Int64) -> Int64 {
        guard let zone = self.zone else { return 0 }
        return Int64(zone.secondsFromGMT(for: .init(timeIntervalSince1970: Double(seconds))))
    }

    private static let namesWithoutRegion: Set<String> = [
        "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT",
        "GMT+0", "GMT-0", "GMT0", "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel",
        "Jamaica", "Japan", "Kwajalein", "Libya", "MET", "MST", "MST7MDT", "NZ", "NZ-CHAT",
        "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK", "Singapore", "Turkey",
        "UCT", "Universal", "W-SU", "WET", "Zulu",
    ]
}
