import FoundationEssentials
import Glibc

/// How much of the machine a process takes, with all processes it has started.
struct ProcessWatch: Sendable {
    let name: String
    let processID: Int

    /// A reading of what was used until now.
    struct Reading: Sendable {
        /// CPU time of the process and of its children, seconds.
        var cpuSeconds = 0.0
        /// Resident memory, bytes; shared pages count for each process.
        var residentBytes = 0
    }

    /// Reads `name=processID`; nil if it is not that.
    init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let processID = Int(parts[1]), processID > 0 else { return nil }
        self.name = String(parts[0])
        self.processID = processID
    }

    init(name: String, processID: Int) {
        self.name = name
        self.processID = processID
    }

    /// This process.
    static var generator: ProcessWatch {
        ProcessWatch(name: "generator", processID: Int(getpid()))
    }

    /// - Returns: nil if there is no such process.
    func read() -> Reading? {
        let all = Self.processes()
        guard all[self.processID] != nil else { return nil }
        var reading = Reading(), found: Set<Int> = [self.processID], open = [self.processID]
        while let processID = open.popLast() {
            if let stat = all[processID] {
                reading.cpuSeconds += stat.cpuSeconds
                reading.residentBytes += stat.residentBytes
            }
            for (child, stat) in all where stat.parentID == processID {
                if found.insert(child).inserted { open.append(child) }
            }
        }
        return reading
    }

    private struct Stat {
        let parentID: Int
        let cpuSeconds: Double
        let residentBytes: Int

        /// Reads a process's line of numbers, see proc(5); its second field may hold spaces.
        init?(_ text: String) {
            guard let end = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            // Times of the process itself, and of those of its children that have ended.
            let times = fields.dropFirst(11).prefix(4).compactMap { Int($0) }
            guard fields.count > 21, let parentID = Int(fields[1]), times.count == 4,
                let pages = Int(fields[21])
            else { return nil }
            self.parentID = parentID
            self.cpuSeconds = Double(times.reduce(0, +)) / Double(sysconf(Int32(_SC_CLK_TCK)))
            self.residentBytes = pages * Int(sysconf(Int32(_SC_PAGESIZE)))
        }
    }

    private static func processes() -> [Int: Stat] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        var stats: [Int: Stat] = [:]
        for entry in entries {
            guard let processID = Int(entry),
                let text = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8),
                let stat = Stat(text)
            else { continue }
            stats[processID] = stat
        }
        return stats
    }
}
