/// Which callbacks a shard delivers now, and which wait for their turn.
///
/// There are as many places as the limits say, and fewer for one destination, so that one that does
/// not answer leaves room for the others. Where a delivery goes is known once its run is loaded;
/// until then its destination is empty.
struct DeliveryQueue: Sendable {
    /// Deliveries in the order they came.
    private struct Line: Sendable {
        private var taskIDs: [Int64] = []
        private var head = 0

        var first: Int64? { self.head < self.taskIDs.count ? self.taskIDs[self.head] : nil }

        mutating func append(_ taskID: Int64) { self.taskIDs.append(taskID) }

        mutating func removeFirst() {
            self.head += 1
            // Seldom, so that it costs little for each.
            guard self.head > self.taskIDs.count / 2 else { return }
            self.taskIDs.removeFirst(self.head)
            self.head = 0
        }
    }

    /// Destinations of the deliveries that have a place.
    private var places: [Int64: String] = [:]
    private var placesTaken: [String: Int] = [:]
    /// What waits, by destination.
    private var lines: [String: Line] = [:]
    private var waiting: Set<Int64> = []
    /// Whether something may have changed for those who wait since the last look.
    private var mayProceed = false

    /// Gives a delivery a place, unless it has one; false if it has to wait.
    mutating func reserve(_ taskID: Int64, countMax: Int) -> Bool {
        if self.places[taskID] != nil { return true }
        guard self.places.count < countMax else {
            self.wait(taskID, for: "")
            return false
        }
        self.places[taskID] = ""
        return true
    }

    /// Tells where a delivery goes; false if it has to wait and has lost its place.
    mutating func assign(_ taskID: Int64, to destination: String, countMax: Int) -> Bool {
        guard let known = self.places[taskID] else { return false }
        guard known.isEmpty, !destination.isEmpty else { return true }
        guard self.placesTaken[destination, default: 0] < countMax else {
            self.end(taskID)
            self.wait(taskID, for: destination)
            return false
        }
        self.places[taskID] = destination
        self.placesTaken[destination, default: 0] += 1
        return true
    }

    private mutating func wait(_ taskID: Int64, for destination: String) {
        guard self.waiting.insert(taskID).inserted else { return }
        self.lines[destination, default: Line()].append(taskID)
    }

    /// Frees a delivery's place.
    mutating func end(_ taskID: Int64) {
        guard let destination = self.places.removeValue(forKey: taskID) else { return }
        self.mayProceed = true
        guard let taken = self.placesTaken[destination] else { return }
        self.placesTaken[destination] = taken > 1 ? taken - 1 : nil
    }

    /// The oldest delivery of those that wait and that there is room for; it has a place now.
    mutating func next(countMax: Int, perDestination: Int) -> Int64? {
        guard self.mayProceed else { return nil }
        let open = self.lines.filter { self.placesTaken[$0.key, default: 0] < perDestination }
        let oldest = open.compactMap { destination, line in
            line.first.map { (taskID: $0, destination: destination) }
        }.min { $0.taskID < $1.taskID }
        guard self.places.count < countMax, let oldest else {
            self.mayProceed = false
            return nil
        }
        self.lines[oldest.destination]?.removeFirst()
        if self.lines[oldest.destination]?.first == nil { self.lines[oldest.destination] = nil }
        self.waiting.remove(oldest.taskID)
        self.places[oldest.taskID] = ""
        return oldest.taskID
    }
}
