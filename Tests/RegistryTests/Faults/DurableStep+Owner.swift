import Pairing
import Passport
import Registry
import Retirement
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

extension DurableStep {
    /// Who signs in.
    static var people: [DurableStep] {
        [
            DurableStep(AddPerson.name) { scene in
                let name = "person \(await scene.number())"
                return Attempt {
                    _ = try await scene.house.perform(AddPerson(person: name, role: .support), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    try await demand(
                        scene.count("SELECT COUNT(*) AS n FROM person WHERE name = $1", [.text(name)]) == 1)
                }
            },
            DurableStep(AddOwner.name) { scene in
                let name = "owner \(await scene.number())"
                return Attempt {
                    _ = try await scene.house.perform(AddOwner(owner: name, kind: .person), as: .system)
                } check: { extra in
                    // Two owners may have one name, so that asking again makes another: an empty one, as is seen in the list.
                    let owners = try await scene.count("SELECT COUNT(*) AS n FROM owner WHERE name = $1", [.text(name)])
                    #expect(owners == 1 || (extra && owners == 2))
                }
            },
            DurableStep(SignInLink.name) { scene in
                let name = try await scene.somebody()
                return Attempt {
                    _ = try await scene.house.perform(SignInLink(person: name), as: .system)
                } check: { extra in
                    // A link that nobody saw ends by itself after a quarter of an hour.
                    let links = try await scene.credentials(of: name, .link)
                    #expect(links == 2 || (extra && links == 3))
                }
            },
            DurableStep(SignIn.name) { scene in
                let name = try await scene.somebody()
                let path = try await scene.house.perform(SignInLink(person: name), as: .system).signInPath
                let secret = String(path.dropFirst("/sign-in/".count))
                return Attempt {
                    _ = try await scene.house.perform(SignIn(secret: secret), as: .system)
                } saysDone: {
                    [.unauthenticated]
                } check: { _ in
                    // Used up in any case, and never twice: one session.
                    try await demand(scene.credentials(of: name, .session) == 1)
                    try await demand(scene.credentials(of: name, .link) == 1)
                }
            },
            DurableStep(SignOut.name) { scene in
                let name = try await scene.somebody()
                let path = try await scene.house.perform(SignInLink(person: name), as: .system).signInPath
                let session = try await scene.house.perform(
                    SignIn(secret: String(path.dropFirst("/sign-in/".count))), as: .system
                ).session
                return Attempt {
                    _ = try await scene.house.perform(SignOut(session: session), as: .system)
                } check: { _ in
                    try await demand(scene.credentials(of: name, .session) == 0)
                }
            },
            DurableStep(IssueToken.name) { scene in
                let name = try await scene.somebody()
                return Attempt {
                    _ = try await scene.house.perform(IssueToken(person: name, label: "test"), as: .system)
                } check: { extra in
                    // One that nobody saw opens nothing, and goes with its label.
                    let tokens = try await scene.credentials(of: name, .token)
                    #expect(tokens == 1 || (extra && tokens == 2))
                    _ = try await scene.house.perform(RevokeToken(person: name, label: "test"), as: .system)
                    try await demand(scene.credentials(of: name, .token) == 0)
                }
            },
            DurableStep(RevokeToken.name) { scene in
                let name = try await scene.somebody()
                _ = try await scene.house.perform(IssueToken(person: name, label: "test"), as: .system)
                return Attempt {
                    _ = try await scene.house.perform(RevokeToken(person: name, label: "test"), as: .system)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    try await demand(scene.credentials(of: name, .token) == 0)
                }
            },
            DurableStep(RemovePerson.name) { scene in
                let name = try await scene.somebody()
                _ = try await scene.house.perform(IssueToken(person: name, label: "test"), as: .system)
                return Attempt {
                    _ = try await scene.house.perform(RemovePerson(person: name), as: .system)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    try await demand(scene.credentials(of: name, .token) == 0)
                }
            },
        ]
    }

    /// What owners do with their devices.
    static var owner: [DurableStep] {
        [
            DurableStep(PairDevice.name) { scene in
                let unit = try await scene.unit()
                return Attempt {
                    _ = try await scene.house.perform(PairDevice(device: unit.serial, grade: .declared), as: scene.ada)
                } saysDone: {
                    [.forbidden]
                } check: { _ in
                    try await scene.expectOneTenure(of: unit, entries: 1)
                }
            },
            DurableStep(IssueEnrolmentCode.name) { scene in
                let unit = try await scene.paired()
                return Attempt {
                    _ = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada)
                } check: { _ in
                    let codes = try await scene.count(
                        "SELECT COUNT(*) AS n FROM nonce WHERE device = $1 AND purpose = 'enrolment'",
                        [Value(unit.device)])
                    #expect(codes == 1)
                }
            },
            DurableStep(IssueDeviceToken.name) { scene in
                let unit = try await scene.paired()
                return Attempt {
                    _ = try await scene.house.perform(IssueDeviceToken(device: unit.serial), as: scene.ada)
                } check: { extra in
                    // A token that nobody saw is ended by the next.
                    let tokens = try await scene.count(
                        "SELECT COUNT(*) AS n FROM stock_client WHERE device = $1 AND token IS NOT NULL",
                        [Value(unit.device)])
                    let entries = try await scene.entries("deviceTokenIssued", of: unit)
                    #expect(tokens == 1 && (entries == 1 || (extra && entries == 2)))
                }
            },
            DurableStep(AdoptDeviceTokens.name) { scene in
                let unit = try await scene.paired()
                let other = try await scene.paired()
                let held = AdoptDeviceTokens.Held(device: unit.serial, token: String(repeating: "f3", count: 20))
                let own = EphemeralKey()
                let key = AdoptDeviceTokens.Held(device: other.serial, key: try own.held(by: other.serial))
                return Attempt {
                    _ = try await scene.house.perform(AdoptDeviceTokens(tokens: [held, key]), as: scene.ada)
                } check: { extra in
                    try await demand(scene.entries("deviceKeyAccepted", of: other) == 1)
                    try await demand(scene.client(other).menderKey == own.keyDigest)
                    // Taken over again, it is the same.
                    let entries = try await scene.entries("deviceTokenIssued", of: unit)
                    #expect(entries == 1 || (extra && entries == 2))
                    let admitted = try await scene.house.read { rows in
                        try DeviceToken.admit(held.token ?? "", of: unit.serial, in: rows) != nil
                    }
                    #expect(admitted)
                }
            },
            DurableStep(ConfigureDevice.name) { scene in
                let unit = try await scene.paired()
                return Attempt {
                    _ = try await scene.house.perform(
                        ConfigureDevice(device: unit.serial, document: "{\"interval\":60}"), as: scene.ada)
                } check: { extra in
                    // The same document again is another version of it.
                    let version = try await scene.passport(unit).configurationVersion
                    let rows = try await scene.count(
                        "SELECT COUNT(*) AS n FROM configuration WHERE device = $1", [Value(unit.device)])
                    #expect(version == rows && (version == 1 || (extra && version == 2)))
                    let sealed = try await scene.house.read { rows in
                        try Configurations.next(for: Device.require(unit.serial, in: rows), applied: 0, in: rows)
                    }
                    let document = try await sealed?.open(in: scene.house).document
                    #expect(document == "{\"interval\":60}")
                }
            },
            DurableStep(OfferDevice.name) { scene in
                let unit = try await scene.enrolled().unit
                return Attempt {
                    _ = try await scene.house.perform(OfferDevice(device: unit.serial), as: scene.ada)
                } again: {
                    // Whoever does not know the code takes the offer back and makes another.
                    if try await scene.passport(unit).stage == .inTransfer {
                        _ = try await scene.house.perform(WithdrawOffer(device: unit.serial), as: scene.ada)
                    }
                    _ = try await scene.house.perform(OfferDevice(device: unit.serial), as: scene.ada)
                } check: { _ in
                    try await demand(scene.passport(unit).stage == .inTransfer)
                    let offers = try await scene.count(
                        "SELECT COUNT(*) AS n FROM transfer WHERE device = $1", [Value(unit.device)])
                    #expect(offers == 1)
                }
            },
            DurableStep(WithdrawOffer.name) { scene in
                let unit = try await scene.offered().unit
                return Attempt {
                    _ = try await scene.house.perform(WithdrawOffer(device: unit.serial), as: scene.ada)
                } saysDone: {
                    [.conflict, .forbidden]
                } check: { _ in
                    try await demand(scene.passport(unit).stage == .inUse)
                    try await demand(scene.entries("offerWithdrawn", of: unit) == 1)
                    try await demand(scene.issued(to: unit) == 1)
                }
            },
            DurableStep(AcceptDevice.name) { scene in
                let (unit, code) = try await scene.offered()
                return Attempt {
                    _ = try await scene.house.perform(AcceptDevice(device: unit.serial, code: code), as: scene.ben)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    let passport = try await scene.passport(unit)
                    #expect(passport.stage == .inTransfer && passport.wipeOwed && passport.tenure == nil)
                    try await demand(scene.entries("tenureEnded", of: unit) == 1)
                    try await demand(scene.issued(to: unit) == 0)
                    let keys = try await scene.count(
                        "SELECT COUNT(*) AS n FROM tenure WHERE device = $1 AND data_key IS NOT NULL",
                        [Value(unit.device)])
                    #expect(keys == 0)
                }
            },
        ]
    }
}

extension FaultScene {
    /// A new person's name.
    func somebody() async throws -> String {
        let name = "somebody \(await number())"
        _ = try await house.perform(AddPerson(person: name, role: .support), as: .system)
        return name
    }

    func credentials(of name: String, _ kind: People.CredentialKind) async throws -> Int {
        try await count(
            "SELECT COUNT(*) AS n FROM credential c JOIN person p ON p.id = c.person WHERE p.name = $1 AND c.kind = $2",
            [.text(name), .text(kind.rawValue)])
    }

    /// One open tenure with its key, and so many pairings in the ledger.
    func expectOneTenure(of unit: BenchUnit, entries: Int) async throws {
        let open = try await count(
            "SELECT COUNT(*) AS n FROM tenure WHERE device = $1 AND ended IS NULL AND data_key IS NOT NULL",
            [Value(unit.device)])
        #expect(open == 1)
        try await demand(passport(unit).stage == .inUse)
        try await demand(self.entries("paired", of: unit) == entries)
    }
}
