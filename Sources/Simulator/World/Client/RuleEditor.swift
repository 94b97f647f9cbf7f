import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Changes groups, their roles and tokens while calls are made.
// Safe because a simulation has one thread.
package final class RuleEditor: @unchecked Sendable {
    package static let namespaces = ["auth-alpha", "auth-beta"]
    package static let unregistered = "auth-ghost"

    package private(set) var changeCount = 0
    private let world: SimulatedWorld
    private let authorization: SimulatedAuthorization
    private let people: [String]
    private var random: SeededGenerator
    private let roundCount: Int
    private let places: [String]
    private let teams: [String]

    package init(
        world: SimulatedWorld, authorization: SimulatedAuthorization, people: [String]
    ) {
        self.world = world
        self.authorization = authorization
        self.people = people
        self.random = world.loop.generator(for: "rule editor")
        self.roundCount = Int.random(in: 0...40, using: &self.random)
        self.places =
            Self.namespaces + [Self.unregistered, AuthorizationSettings.openNamespace]
        self.teams = (0..<Int.random(in: 1...4, using: &self.random)).map { "team-\($0)" }
        self.setUp()
    }

    private var directory: AccessDirectory { self.authorization.directory }
    private var now: Timestamp { self.world.loop.now }

    private func setUp() {
        if self.authorization.settings.isCrowded { self.crowd() }
        for person in self.people {
            for team in self.teams where Int.random(in: 0..<2, using: &self.random) == 0 {
                self.directory.setMember(person, of: team, true, at: self.now)
            }
        }
        for team in self.teams {
            for _ in 0..<Int.random(in: 0...4, using: &self.random) { self.changeRole(of: team) }
        }
        if Bool.random(using: &self.random), let person = self.people.last {
            self.directory.setMember(
                person, of: AuthorizationSettings.operatorGroup, true, at: self.now)
        }
    }

    /// So many rules that what matters is on a later page.
    private func crowd() {
        guard let person = self.people.first else { return }
        for number in 0..<120 {
            self.directory.setMember(person, of: "crowd-\(number)", true, at: self.now)
            self.directory.setRole(
                .reader, of: self.teams[0], in: "crowded-\(number)", true, at: self.now)
        }
    }

    /// Changes one thing after the other.
    package func run() async {
        let pauseMax = self.authorization.settings.ageMax * 2
        for _ in 0..<self.roundCount where self.now < self.world.plan.endsAt {
            await self.world.clock.pass(.draw(upTo: pauseMax, using: &self.random))
            self.change()
        }
    }

    private func change() {
        self.changeCount += 1
        let person = self.people.randomElement(using: &self.random) ?? ""
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0: self.changeMembership(of: person, in: AuthorizationSettings.operatorGroup)
        case 1..<4:
            self.changeMembership(
                of: person, in: self.teams.randomElement(using: &self.random) ?? "")
        case 4: self.revokeToken(of: person)
        default: self.changeRole(of: self.teams.randomElement(using: &self.random) ?? "")
        }
    }

    private func changeMembership(of person: String, in group: String) {
        let isMember = self.directory.isMember(person, of: group)
        self.world.loop.record("\(person) \(isMember ? "leaves" : "joins") \(group)")
        self.directory.setMember(person, of: group, !isMember, at: self.now)
    }

    private func changeRole(of group: String) {
        let place = self.places.randomElement(using: &self.random) ?? ""
        let role = Role.ofRules.randomElement(using: &self.random) ?? .reader
        let hasRole = self.directory.has(role, group, in: place)
        self.world.loop.record(
            "\(group) \(hasRole ? "is no more" : "becomes") \(role) in \(place)")
        self.directory.setRole(role, of: group, in: place, !hasRole, at: self.now)
    }

    private func revokeToken(of person: String) {
        let tokens = self.directory.tokens.values.filter {
            $0.email == person && $0.expiresAt > self.now
        }
        guard let token = tokens.min(by: { $0.text < $1.text }) else { return }
        self.world.loop.record("a token of \(person) is revoked")
        self.directory.setKnown(token.text, false, at: self.now)
    }
}

extension SimulatedWorld {
    /// Registers the namespaces that calls are about.
    package func registerPlaces() async -> AccessPlaces {
        let caller = PatientCaller(
            self.administration, self.clock, self.loop.generator(for: "places"))
        var ids: [String: String] = [:]
        for name in RuleEditor.namespaces + [AuthorizationSettings.openNamespace] {
            if let error = await caller.register(name) {
                self.fail("registering \(name) was answered \(error)")
            }
            let answer = await caller.call(
                "DescribeNamespace",
                DescribeNamespaceRequest.with {
                    $0.namespace = name
                }, returning: DescribeNamespaceResponse.self)
            switch answer.result {
            case .success(let response): ids[name] = response.namespaceInfo.id
            case .failure(let error): self.fail("describing \(name) was answered \(error)")
            }
        }
        return AccessPlaces(
            names: RuleEditor.namespaces
                + [AuthorizationSettings.openNamespace, RuleEditor.unregistered, ""], ids: ids)
    }
}
