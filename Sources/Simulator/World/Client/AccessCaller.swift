import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Somebody who calls RPCs of every kind in many namespaces, whether or not they may.
// Safe because a simulation has one thread.
package final class AccessCaller: @unchecked Sendable {
    package let email: String
    package private(set) var callCount = 0

    private let world: SimulatedWorld
    private let authorization: SimulatedAuthorization
    private let catalog: RPCCatalog
    private var random: SeededGenerator
    private let roundCount: Int
    private var token: AccessToken?
    /// Tokens it had before, which it may show again.
    private var oldTokens: [AccessToken] = []

    package init(
        world: SimulatedWorld, authorization: SimulatedAuthorization, catalog: RPCCatalog,
        email: String
    ) {
        self.world = world
        self.authorization = authorization
        self.catalog = catalog
        self.email = email
        self.random = world.loop.generator(for: "access of \(email)")
        self.roundCount = Int.random(in: 20...80, using: &self.random)
    }

    private func draw(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self.random) }

    private var checker: AccessChecker {
        AccessChecker(self.authorization.model) { [authorization] in
            authorization.wasTroubled(in: $0)
        }
    }

    /// Calls this and that, some at the same time.
    package func run(in places: AccessPlaces) async {
        for _ in 0..<self.roundCount {
            let longest = self.draw(0...2) == 0 ? .milliseconds(50) : self.pauseMax
            await self.world.clock.pass(.draw(upTo: longest, using: &self.random))
            let header = self.drawHeader()
            // Some come while others wait for the same answer.
            let apart = self.draw(0...1) == 0 ? self.authorization.settings.timeout : .zero
            let calls = (0..<(self.draw(0...2) == 0 ? self.draw(2...5) : 1)).map { _ in
                (self.drawCall(places), Duration.draw(upTo: apart, using: &self.random))
            }
            await withTaskGroup { group in
                for (call, pause) in calls {
                    group.addTask {
                        await self.world.clock.pass(pause)
                        _ = await self.make(call, header, places)
                    }
                }
            }
        }
    }

    private var pauseMax: Duration { min(self.authorization.settings.ageMax, .seconds(20)) }

    /// When rules and tokens have been the same for long, and nothing goes wrong: each call has
    /// one right answer, which it gets.
    package func check(in places: AccessPlaces) async {
        self.token = self.authorization.makeToken(of: self.email, for: .seconds(3_600))
        guard let token = self.token else { return }
        let methods = [
            "CountWorkflowExecutions", "TerminateWorkflowExecution", "UpdateNamespace",
            "ListNamespaces", "GetSystemInfo", "CreateNexusEndpoint", "DescribeSchedule",
        ]
        for entry in methods.compactMap(self.catalog.entry) {
            for name in places.names {
                let call = Call(
                    rpc: entry.rpc, bytes: entry.request(naming: name),
                    namespaces: [entry.nameField == nil ? "" : name], written: name)
                await self.insist(on: call, token, places)
            }
        }
    }

    private func insist(
        on call: Call, _ token: AccessToken, _ places: AccessPlaces
    ) async {
        for _ in 0..<30 {
            let outcome = await self.make(call, .bearer(token), places)
            guard outcome == .unanswered || outcome == .lost else { return }
            await self.world.clock.pass(.seconds(1))
        }
        self.world.fail("\(call.rpc.method) is not answered when nothing goes wrong")
    }

    // What is sent.

    private struct Call: Sendable {
        let rpc: RPCName
        let bytes: [UInt8]
        /// Those that must allow it.
        let namespaces: [String]
        /// The name that its request has; empty if it has none.
        let written: String
    }

    private func drawHeader() -> AccessQuestion.Header {
        switch self.draw(0...23) {
        case 0: return .none
        case 1: return .malformed(self.drawMalformed())
        case 2:
            let defect = AccessToken.Defect.allCases.randomElement(using: &self.random)
            let email =
                defect == .lookalikeOfRobot
                ? "\(self.email).iam.gserviceaccount.com.example.com" : self.email
            return .bearer(
                self.authorization.makeToken(of: email, for: .seconds(600), defect: defect))
        case 3:
            let expiresAt = self.world.loop.now + .seconds(600)
            return .bearer(AccessToken("unissued", email: self.email, expiresAt: expiresAt))
        case 4, 5:
            return .bearer(self.oldTokens.randomElement(using: &self.random) ?? self.currentToken())
        default: return .bearer(self.currentToken())
        }
    }

    private func drawMalformed() -> String {
        let text = self.currentToken().text
        let headers = [
            "", text, "Bearer", "Bearer ", "Basic \(text)", "Macaroon \(text)",
            "Bearer \(text) \(text)", "Bearer  \(text)", "Bearer \(text) ",
        ]
        return headers.randomElement(using: &self.random) ?? ""
    }

    private func currentToken() -> AccessToken {
        let now = self.world.loop.now
        if let token = self.token {
            // Not everybody watches the clock.
            let isOver = token.expiresAt <= now + .seconds(1)
            guard self.draw(0...11) == 0 || isOver && self.draw(0...3) > 0 else { return token }
            self.oldTokens.append(token)
        }
        let lifetime = Duration.seconds(self.draw(5...(self.draw(0...1) == 0 ? 60 : 600)))
        let isKnown = self.draw(0...9) > 0
        let token = self.authorization.makeToken(of: self.email, for: lifetime, isKnown: isKnown)
        self.token = token
        guard !isKnown else { return token }
        // It takes a while until everybody knows of it.
        self.world.loop.after(.draw(upTo: self.pauseMax * 2, using: &self.random)) {
            [authorization, loop = self.world.loop] in
            authorization.directory.setKnown(token.text, true, at: loop.now)
        }
        return token
    }

    private func drawCall(_ places: AccessPlaces) -> Call {
        guard let entry = self.catalog.entries.randomElement(using: &self.random),
            let name = places.names.randomElement(using: &self.random)
        else { preconditionFailure("there is nothing to call") }
        if entry.rpc.method == "RespondWorkflowTaskCompleted", self.draw(0...1) == 0 {
            return self.drawCompletion(entry.rpc, of: name, places)
        }
        if let id = places.id(of: name), self.draw(0...1) == 0,
            let bytes = entry.request(namingID: id)
        {
            let isKnown = places.ids[name] != nil
            return Call(
                rpc: entry.rpc, bytes: bytes, namespaces: [isKnown ? name : ""], written: "")
        }
        let written = entry.nameField == nil ? "" : name
        return Call(
            rpc: entry.rpc, bytes: entry.request(naming: name), namespaces: [written],
            written: written)
    }

    /// One whose commands are about another namespace too.
    private func drawCompletion(
        _ rpc: RPCName, of name: String, _ places: AccessPlaces
    ) -> Call {
        let other = places.names.randomElement(using: &self.random) ?? name
        guard let id = places.ids[name] else {
            return Call(rpc: rpc, bytes: [], namespaces: [""], written: "")
        }
        let request = RespondWorkflowTaskCompletedRequest.with {
            $0.namespace = name
            let token: Data? = try? StoredTaskToken.with {
                $0.namespaceID = id
                $0.workflowID = "nobody"
                $0.runID = id
                $0.scheduledEventID = 1
            }.serializedBytes()
            $0.taskToken = token ?? Data()
            $0.commands = [
                .with {
                    $0.commandType = .signalExternalWorkflowExecution
                    $0.signalExternalWorkflowExecutionCommandAttributes.namespace = other
                    $0.signalExternalWorkflowExecutionCommandAttributes.execution.workflowID = "x"
                    $0.signalExternalWorkflowExecutionCommandAttributes.signalName = "x"
                }
            ]
        }
        let bytes: [UInt8]? = try? request.serializedBytes()
        let others = other.isEmpty ? [] : [other]
        return Call(rpc: rpc, bytes: bytes ?? [], namespaces: [name] + others, written: name)
    }

    // What comes of it.

    private func make(
        _ call: Call, _ header: AccessQuestion.Header, _ places: AccessPlaces
    ) async -> AccessChecker.Outcome {
        self.callCount += 1
        let sentAt = self.world.loop.now
        var answer: [UInt8] = [], failure: ServiceError?
        do throws(ServiceError) {
            answer = try await self.world.connection.call(
                call.rpc, bytes: call.bytes, in: call.written, header: header.text)
        } catch {
            failure = error
            if Secrets.areIn(error.message) { self.world.fail("a secret is told: \(error)") }
        }
        let time = sentAt...self.world.loop.now
        let outcome = AccessChecker.Outcome(failure)
        let question = AccessQuestion(rpc: call.rpc, header: header, namespaces: call.namespaces)
        self.note(question, outcome, time)
        if let problem = self.checker.problem(outcome, of: question, in: time) {
            self.world.fail(problem)
        }
        if call.rpc.method == "ListNamespaces", failure == nil, case .bearer(let token) = header {
            self.checkList(answer, token, places, time)
        }
        return outcome
    }

    private func note(
        _ question: AccessQuestion, _ outcome: AccessChecker.Outcome, _ time: ClosedRange<Timestamp>
    ) {
        let possible = self.checker.possibilities(question, in: time)
        let isCertain = possible.isLetIn != possible.isDenied
        self.world.marks.reached("access.\(outcome)\(isCertain ? "" : " perhaps")")
        self.world.loop.record(
            "\(question.rpc.method) in \(question.namespaces) with \(question.header): \(outcome)")
        guard isCertain, outcome == .letIn || outcome == .denied else { return }
        var role = "nobody"
        if case .bearer(let token) = question.header, token.defect == nil {
            role =
                self.authorization.model.role(
                    of: token.email, in: question.namespaces[0], decidedIn: time
                ).map { "\($0)" } ?? "somebody"
        }
        let place = question.namespaces[0]
        self.world.coverage.decided(
            outcome == .letIn, question.rpc.method, role: role,
            place: place.isEmpty ? "no namespace" : place)
    }

    private func checkList(
        _ answer: [UInt8], _ token: AccessToken, _ places: AccessPlaces,
        _ time: ClosedRange<Timestamp>
    ) {
        guard
            let response = try? ListNamespacesResponse(
                serializedBytes: answer)
        else { return self.world.fail("a list of namespaces cannot be read") }
        let listed = Set(response.namespaces.map(\.namespaceInfo.name))
        if let problem = self.checker.problem(
            listed: listed, of: places.registered, by: token, in: time)
        {
            self.world.fail(problem)
        }
    }
}

/// The namespaces that calls are about.
package struct AccessPlaces: Sendable {
    /// An empty one, and one that nobody has registered, among them.
    package let names: [String]
    /// Ids of those that are registered, by name.
    package let ids: [String: String]

    package var registered: [String] { self.names.filter { self.ids[$0] != nil } }

    /// What says by an id what a call is about; nil if nothing would.
    func id(of name: String) -> String? {
        self.ids[name] ?? (name.isEmpty ? nil : "11111111-1111-4111-8111-111111111111")
    }
}
