import GRPCTransport
import HistoryService
import Logging
import MatchingService
import Persistence
import ServiceLifecycle

extension ServerAssembly: Service {
    private enum Event {
        case shutdownRequested
        /// What goes on beside the calls.
        case upkeepEnded
        /// With the reason, if it was not asked to.
        case listenerEnded(String?)
        /// Calls that only take a moment have had it.
        case callsSettled
        case timedOut
    }

    /// Long enough for a commit, short enough that nobody notices.
    private static let settleTime = Duration.milliseconds(250)

    /// Serves until a graceful shutdown is asked for, and brings it to its end.
    ///
    /// Then, in this order: health says NOT_SERVING; no new calls; polls end empty; what is being
    /// committed is answered; waits end; the database is closed.
    /// - Throws: ``StartError`` if a listener ends by itself.
    package func run() async throws {
        let failure = await withTaskGroup(of: Event.self) { group in
            for server in self.servers { group.addTask { await Self.serve(server) } }
            group.addTask {
                // Cancelled or asked for: both end the server.
                try? await gracefulShutdown()
                return .shutdownRequested
            }
            for upkeep in self.upkeeps {
                group.addTask {
                    await upkeep()
                    return .upkeepEnded
                }
            }
            self.health.set(.serving)
            let first = await group.next() ?? .shutdownRequested
            await self.stop(&group, after: first)
            if case .listenerEnded(let reason?) = first { return StartError(reason) as StartError? }
            return nil
        }
        await self.closeStores()
        if let failure { throw failure }
    }

    private static func serve(_ server: CallServer) async -> Event {
        do {
            try await server.run()
            return .listenerEnded(nil)
        } catch is CancellationError {
            return .listenerEnded(nil)
        } catch {
            return .listenerEnded("listening on \(server.address) failed: \(error)")
        }
    }

    private func stop(_ group: inout TaskGroup<Event>, after first: Event) async {
        self.logger.info("shutting down")
        self.health.set(.stopping)
        for server in self.servers { server.beginShutdown() }
        await self.matching.shutdown()
        let shutdownMax = self.shutdownMax
        group.addTask {
            try? await Task.sleep(for: Self.settleTime)
            return .callsSettled
        }
        group.addTask {
            try? await Task.sleep(for: shutdownMax)
            return .timedOut
        }
        var open = self.servers.count
        if case .listenerEnded = first { open -= 1 }
        var isHistoryRunning = true
        while open > 0, let event = await group.next() {
            switch event {
            case .shutdownRequested, .upkeepEnded: continue
            case .listenerEnded: open -= 1
            case .callsSettled:
                guard isHistoryRunning else { continue }
                isHistoryRunning = false
                await self.history.shutdown()
                for server in self.servers { server.endCalls() }
            case .timedOut:
                self.logger.warning("calls are still open, ending them")
                group.cancelAll()
            }
        }
        if isHistoryRunning { await self.history.shutdown() }
        group.cancelAll()
        await self.logTraffic()
        self.logger.info("stopped")
    }

    /// What the process has asked of its database, beside the transitions that were the reason.
    private func logTraffic() async {
        let counters = self.stores.counters
        var figures = await self.history.traffic()
        figures["commits"] = counters.snapshot.commits
        figures["writes"] = counters.snapshot.batches
        figures["reads"] = counters.snapshot.reads
        figures["statements"] = counters.statements
        figures["round_trips"] = counters.roundTrips
        let metadata = figures.mapValues { Logger.MetadataValue.stringConvertible($0) }
        self.logger.info("database traffic", metadata: metadata)
    }
}
