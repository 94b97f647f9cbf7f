import DynamicConfig
import Persistence
import ServiceClients
import TemporalAPI

extension MutableState {
    /// Lists find a run by these: the builds that worked on it, and the binaries of old SDKs.
    private static let buildIDsAttribute = "BuildIds"
    private static let binaryChecksumsAttribute = "BinaryChecksums"
    /// Marks a run whose workers do not use versioning; stands before the builds.
    private static let unversioned = "unversioned"

    /// Brings the search attributes that name builds up to date with the workflow task that has
    /// just been completed, as Temporal does; no event of their own tells of it.
    /// - Returns: whether one of them changed.
    mutating func noteBuilds(_ settings: Settings) -> Bool {
        let changesBuilds = self.noteBuildID(valueSizeMax: settings.searchAttributeValueSizeMax)
        return self.noteBinaryChecksums() || changesBuilds
    }

    private mutating func noteBuildID(valueSizeMax: Int) -> Bool {
        let buildID = self.info.mostRecentWorkerVersionStamp.buildID
        let build = buildID.isEmpty ? nil : "\(Self.unversioned):\(buildID)"
        let known = self.info.searchAttributes[Self.buildIDsAttribute]
        // Nearly every run has only ever seen one build.
        let usual = Temporal_Api_Common_V1_Payload.keywords(
            [Self.unversioned] + [build].compactMap(\.self))
        guard known != usual else { return false }
        var builds: [String] = []
        if case .keywordList(let names)? = known.flatMap({
            decodeSearchAttributes([Self.buildIDsAttribute: $0])[Self.buildIDsAttribute]
        }) {
            builds = names.filter { $0 != Self.unversioned }
        }
        if let build, !builds.contains(build) { builds.append(build) }
        var payload = Temporal_Api_Common_V1_Payload.keywords([Self.unversioned] + builds)
        while payload.data.count > valueSizeMax, !builds.isEmpty {
            builds.removeFirst()
            payload = .keywords([Self.unversioned] + builds)
        }
        guard payload != known else { return false }
        self.info.searchAttributes[Self.buildIDsAttribute] = payload
        return true
    }

    private mutating func noteBinaryChecksums() -> Bool {
        let points = self.info.autoResetPoints.points
        // Only old SDKs tell checksums.
        guard points.contains(where: { !$0.binaryChecksum.isEmpty }) else { return false }
        let payload = Temporal_Api_Common_V1_Payload.keywords(
            points.map(\.binaryChecksum).filter { !$0.isEmpty })
        guard payload != self.info.searchAttributes[Self.binaryChecksumsAttribute] else {
            return false
        }
        self.info.searchAttributes[Self.binaryChecksumsAttribute] = payload
        return true
    }
}

extension Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest {
    /// The worker that answers.
    var worker: TaskWorker {
        TaskWorker(
            identity: self.identity,
            version: self.hasWorkerVersionStamp ? self.workerVersionStamp : nil)
    }

    /// The deployment the worker belongs to; empty if it names none.
    var deploymentName: String {
        let name = self.deploymentOptions.deploymentName
        return name.isEmpty ? self.deployment.seriesName : name
    }
}
