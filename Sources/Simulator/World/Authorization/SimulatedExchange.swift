import Primitives
import ServiceClients
import SimulationKernel

/// The way from one life of a node to the endpoints that know tokens and groups.
// Safe because a simulation has one thread.
final class SimulatedExchange: HTTPExchange, @unchecked Sendable {
    let questions: OutsideQuestions
    private let clock: SimulatedClock
    private let faults: OutsideFaults
    private let tokenInfo: TokenInfoStandIn
    private let openFGA: OpenFGAStandIn
    private let losesPages: Bool
    private let fail: (String) -> Void

    init(
        _ directory: AccessDirectory, _ settings: AuthorizationSettings, faults: OutsideFaults,
        clock: SimulatedClock, losesPages: Bool, fail: @escaping (String) -> Void
    ) {
        self.questions = OutsideQuestions(settings)
        self.clock = clock
        self.faults = faults
        self.tokenInfo = TokenInfoStandIn(directory: directory, settings: settings)
        self.openFGA = OpenFGAStandIn(directory: directory, settings: settings)
        self.losesPages = losesPages
        self.fail = fail
    }

    func answer(to request: OutgoingRequest, timeout: Duration) async -> HTTPOutcome {
        guard request.url.hasPrefix(AuthorizationSettings.openFGAURL + "/") else {
            return await self.answerAboutToken(request, timeout)
        }
        if let email = OpenFGAStandIn.groupsAskedFor(request),
            let problem = self.questions.askForGroups(of: email, now: self.clock.now())
        {
            self.fail(problem)
        }
        return await self.exchange(with: .openFGA, timeout) {
            let answer = self.openFGA.answer(to: request)
            return self.losesPages ? answer.withoutContinuation : answer
        }.outcome
    }

    private func answerAboutToken(
        _ request: OutgoingRequest, _ timeout: Duration
    ) async -> HTTPOutcome {
        let askedAt = self.clock.now()
        let token = request.bearer.flatMap { self.tokenInfo.directory.tokens[$0] }
        if let problem = token.flatMap({ self.questions.askAbout($0, now: askedAt) }) {
            self.fail(problem)
        }
        let outcome = await self.exchange(with: .tokenInfo, timeout) {
            self.tokenInfo.answer(to: request, now: self.clock.now())
        }
        if let token {
            self.questions.answered(
                token, askedAt: askedAt, isSound: outcome.isSound, now: self.clock.now())
        }
        return outcome.outcome
    }

    private struct Outcome {
        let outcome: HTTPOutcome
        /// Whether it is what the endpoint had to say.
        let isSound: Bool
    }

    private func exchange(
        with endpoint: OutsideEndpoint, _ timeout: Duration, _ body: () -> HTTPAnswer
    ) async -> Outcome {
        let fault = self.faults.strike(endpoint)
        if fault != nil { self.questions.faultBegan(endpoint, now: self.clock.now()) }
        let outcome = await self.outcome(fault, timeout, body)
        if fault != nil { self.questions.faultEnded(endpoint, now: self.clock.now()) }
        if outcome.isSound {
            self.questions.succeeded(endpoint, now: self.clock.now())
        } else if fault == nil {
            self.questions.ranOut(endpoint, now: self.clock.now())
        }
        return outcome
    }

    private func outcome(
        _ fault: OutsideFaults.Fault?, _ timeout: Duration, _ body: () -> HTTPAnswer
    ) async -> Outcome {
        let way = self.faults.latency()
        let back = self.faults.latency() + (fault == .slow ? self.faults.slowness() : .zero)
        guard fault != .hang, way + back < timeout else {
            await self.clock.pass(timeout)
            return Outcome(outcome: .timedOut, isSound: false)
        }
        await self.clock.pass(way)
        let answer = body()
        await self.clock.pass(back)
        switch fault {
        case nil, .slow: return Outcome(outcome: .answered(answer), isSound: true)
        case .close, .hang:
            return Outcome(outcome: .failed(reason: "the connection broke"), isSound: false)
        case .refusal:
            let refusal = HTTPAnswer(status: self.faults.refusalStatus(), body: [])
            return Outcome(outcome: .answered(refusal), isSound: false)
        case .garbage:
            let garbage = HTTPAnswer(
                status: 200, body: self.faults.garbage(instead: answer.body))
            return Outcome(outcome: .answered(garbage), isSound: false)
        }
    }
}

extension HTTPAnswer {
    /// Says that this page is the last one.
    fileprivate var withoutContinuation: HTTPAnswer {
        let text = String(decoding: self.body, as: UTF8.self)
        guard let range = text.firstRange(of: #""continuation_token": ""#) else { return self }
        return .json(text[..<range.upperBound] + "\"}", status: self.status)
    }
}
