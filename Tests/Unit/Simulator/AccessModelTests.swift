import Authorization
import Primitives
import SimulatedWorld
import Testing

private func at(_ seconds: Int) -> Timestamp { .epoch + .seconds(10_000 + seconds) }

private let workflows = "temporal.api.workflowservice.v1.WorkflowService"
private let operators = "temporal.api.operatorservice.v1.OperatorService"

/// Whoever is called anna, what she may do, and what calls of hers may lead to.
private struct Anna {
    static let email = "anna@example.com"
    let directory = AccessDirectory()
    let token = AccessToken("anna", email: Self.email, expiresAt: at(1_000))
    let settings: AuthorizationSettings

    init(_ settings: AuthorizationSettings = .init(ageMax: .seconds(60))) {
        self.settings = settings
        self.directory.add(self.token, at: at(0))
    }

    var checker: AccessChecker {
        AccessChecker(AccessModel(self.directory, self.settings)) { _ in false }
    }

    func joins(_ group: String, at seconds: Int) {
        self.directory.setMember(Self.email, of: group, true, at: at(seconds))
    }

    func question(
        _ method: String, _ namespace: String = "alpha", service: String = workflows
    ) -> AccessQuestion {
        AccessQuestion(
            rpc: RPCName(service: service, method: method), header: .bearer(self.token),
            namespaces: [namespace])
    }

    /// Which ends of a call at that time are right: `+` let in, `-` denied.
    func ends(
        of method: String, _ namespace: String = "alpha", service: String = workflows,
        at seconds: Int
    ) -> String {
        let question = self.question(method, namespace, service: service)
        let ends: [(AccessChecker.Outcome, String)] = [(.letIn, "+"), (.denied, "-")]
        return ends.filter { outcome, _ in
            self.checker.problem(outcome, of: question, in: at(seconds)...at(seconds)) == nil
        }.map(\.1).joined()
    }
}

@Suite struct AccessModelTests {
    static let needs: [(RPCName, AccessNeed)] = [
        (RPCName(service: workflows, method: "GetSystemInfo"), .nothing),
        (RPCName(service: workflows, method: "ListNamespaces"), .membership),
        (RPCName(service: workflows, method: "DescribeNamespace"), .role(.reader)),
        (RPCName(service: workflows, method: "QueryWorkflow"), .role(.reader)),
        (RPCName(service: workflows, method: "PollWorkflowExecutionUpdate"), .role(.reader)),
        (RPCName(service: workflows, method: "PollActivityTaskQueue"), .role(.writer)),
        (RPCName(service: workflows, method: "StartWorkflowExecution"), .role(.writer)),
        (RPCName(service: workflows, method: "RegisterNamespace"), .role(.admin)),
        (RPCName(service: operators, method: "ListSearchAttributes"), .role(.reader)),
        (RPCName(service: operators, method: "DeleteNamespace"), .role(.admin)),
        (RPCName(service: operators, method: "ListNexusEndpoints"), .role(.operator)),
        (RPCName(service: "grpc.health.v1.Health", method: "Check"), .nothing),
        (RPCName(service: "grpc.health.v1.Health", method: "Watch"), .role(.operator)),
        (RPCName(service: "somebody.elses.Service", method: "GetAll"), .unmet),
    ]

    @Test("What an RPC takes is told by its name", arguments: Self.needs)
    func needIsToldByName(rpc: RPCName, need: AccessNeed) {
        #expect(AccessNeed(of: rpc) == need)
    }

    @Test("A change counts at once, at the age of what was said before, or in between")
    func changes() {
        let anna = Anna()
        anna.joins("devs", at: 0)
        anna.directory.setRole(.writer, of: "devs", in: "alpha", true, at: at(0))
        #expect(anna.ends(of: "StartWorkflowExecution", at: 0) == "+-")
        #expect(anna.ends(of: "StartWorkflowExecution", at: 61) == "+")
        anna.directory.setRole(.writer, of: "devs", in: "alpha", false, at: at(100))
        #expect(anna.ends(of: "StartWorkflowExecution", at: 99) == "+")
        #expect(anna.ends(of: "StartWorkflowExecution", at: 160) == "+-")
        #expect(anna.ends(of: "StartWorkflowExecution", at: 161) == "-")
    }

    @Test("The strongest role counts, in its namespace, and no more is given by it")
    func roles() {
        let anna = Anna()
        for (group, role) in [("a", Role.reader), ("b", .writer), ("c", .reader)] {
            anna.joins(group, at: 0)
            anna.directory.setRole(role, of: group, in: "alpha", true, at: at(0))
        }
        #expect(anna.ends(of: "CountWorkflowExecutions", at: 100) == "+")
        #expect(anna.ends(of: "TerminateWorkflowExecution", at: 100) == "+")
        #expect(anna.ends(of: "UpdateNamespace", at: 100) == "-")
        #expect(anna.ends(of: "CountWorkflowExecutions", "beta", at: 100) == "-")
        #expect(anna.ends(of: "CountWorkflowExecutions", "", at: 100) == "-")
        #expect(anna.ends(of: "ListNamespaces", "", at: 100) == "+")
        #expect(anna.ends(of: "ListNexusEndpoints", "", service: operators, at: 100) == "-")
        anna.joins("operators", at: 100)
        #expect(anna.ends(of: "UpdateNamespace", at: 161) == "+")
        #expect(anna.ends(of: "ListNexusEndpoints", "", service: operators, at: 161) == "+")
    }

    @Test("A writer is an admin where there are none")
    func charmed() {
        let anna = Anna(.init(mode: .charmed))
        anna.joins("devs", at: 0)
        anna.directory.setRole(.writer, of: "devs", in: "alpha", true, at: at(0))
        #expect(anna.ends(of: "UpdateNamespace", at: 100) == "+")
        #expect(anna.ends(of: "DeleteNamespace", service: operators, at: 100) == "+")
        #expect(anna.ends(of: "CreateNexusEndpoint", "", service: operators, at: 100) == "-")
    }

    @Test("Everybody who is believed may write where it is open to all")
    func open() {
        let place = AuthorizationSettings.openNamespace
        let anna = Anna(.init(openNamespaces: place))
        #expect(anna.ends(of: "StartWorkflowExecution", place, at: 100) == "+")
        #expect(anna.ends(of: "UpdateNamespace", place, at: 100) == "-")
        #expect(anna.ends(of: "ListNamespaces", "", at: 100) == "+")
        let other = Anna()
        #expect(other.ends(of: "StartWorkflowExecution", place, at: 100) == "-")
        #expect(other.ends(of: "ListNamespaces", "", at: 100) == "-")
    }

    @Test("A token counts until its time is up, and a while after it was revoked")
    func tokens() {
        let anna = Anna()
        anna.joins("operators", at: 0)
        #expect(anna.ends(of: "UpdateNamespace", at: 999) == "+")
        #expect(anna.ends(of: "UpdateNamespace", at: 1_000) == "-")
        anna.directory.setKnown(anna.token.text, false, at: at(500))
        #expect(anna.ends(of: "UpdateNamespace", at: 560) == "+-")
        #expect(anna.ends(of: "UpdateNamespace", at: 561) == "-")
        #expect(anna.ends(of: "GetSystemInfo", "", at: 561) == "+")
    }

    @Test("A token of another application counts where every application's do")
    func defects() {
        for defect in AccessToken.Defect.allCases {
            for clientID in ["", "ours"] {
                let anna = Anna(.init(clientID: clientID))
                anna.joins("operators", at: 0)
                let token = AccessToken(
                    "flawed", email: Anna.email, expiresAt: at(1_000), defect: defect)
                anna.directory.add(token, at: at(0))
                let question = AccessQuestion(
                    rpc: RPCName(service: workflows, method: "CountWorkflowExecutions"),
                    header: .bearer(token), namespaces: ["alpha"])
                let possible = anna.checker.possibilities(question, in: at(100)...at(100))
                let isOfOther = defect == .otherApplication || defect == .lookalikeOfRobot
                #expect(possible.isLetIn == (clientID.isEmpty && isOfOther), "\(defect)")
            }
        }
    }

    @Test("Nobody waits in vain while everybody outside answers")
    func unanswered() {
        let anna = Anna()
        let time = at(100)...at(101)
        let question = anna.question("CountWorkflowExecutions")
        let model = AccessModel(anna.directory, anna.settings)
        #expect(anna.checker.problem(.unanswered, of: question, in: time) != nil)
        let troubled = AccessChecker(model) { $0 == time }
        #expect(troubled.problem(.unanswered, of: question, in: time) == nil)
        // For these nobody has to be asked.
        let open = anna.question("GetSystemInfo", "")
        #expect(troubled.problem(.unanswered, of: open, in: time) != nil)
        let nameless = AccessQuestion(
            rpc: question.rpc, header: .malformed("Basic YQ=="), namespaces: ["alpha"])
        #expect(troubled.problem(.unanswered, of: nameless, in: time) != nil)
    }

    @Test("Lists show what may be read, and all of it")
    func lists() {
        let anna = Anna()
        anna.joins("devs", at: 0)
        anna.directory.setRole(.reader, of: "devs", in: "alpha", true, at: at(0))
        func problem(_ listed: Set<String>) -> String? {
            anna.checker.problem(
                listed: listed, of: ["alpha", "beta"], by: anna.token, in: at(100)...at(100))
        }
        #expect(problem(["alpha"]) == nil)
        #expect(problem([]) != nil)
        #expect(problem(["alpha", "beta"]) != nil)
    }
}
