import Passport
import Testing
import Wire

/// Random numbers from a seed, so that a failure can be run again (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// What a bystander knows who only sees the events that were accepted; kept apart from `Passport` on purpose.
private struct Bystander {
    var openTenures: Set<TenureID> = []
    var allTenures: Set<TenureID> = []
    var certificates: [String: TenureID] = [:]
    var isRetired = false
    var version = 0

    mutating func see(_ event: Event) {
        version += 1
        switch event {
        case .paired(let tenure, _, _):
            openTenures.insert(tenure)
            allTenures.insert(tenure)
        case .tenureEnded(let tenure): openTenures.remove(tenure)
        case .enrolled(let tenure, let certificate): certificates[certificate.serial] = tenure
        case .renewed(let tenure, let certificate, let replaced):
            certificates[replaced] = nil
            certificates[certificate.serial] = tenure
        case .certificateRevoked(let serial, _): certificates[serial] = nil
        case .retired: isRetired = true
        default: break
        }
    }

    /// What must hold; the first thing that does not, as a sentence.
    func complaint(about passport: Passport, after before: Passport?, _ event: Event) -> String? {
        if openTenures.count > 1 { return "two tenures are open" }
        if passport.tenure?.id != openTenures.first { return "the open tenure is not the one that was opened" }
        if !certificates.isEmpty && openTenures.isEmpty { return "a certificate outlives its tenure" }
        if !certificates.values.allSatisfy(openTenures.contains) { return "a certificate is of another tenure" }
        if Set(passport.certificates.map(\.serial)) != Set(certificates.keys) { return "the certificates differ" }
        if isRetired && passport.stage != .retired { return "it left retired" }
        if passport.version != version { return "the version did not grow by one" }
        if case .paired(let tenure, _, _) = event, before?.endedTenures.contains(tenure) == true {
            return "an ended tenure was opened again"
        }
        if passport.stage == .retired && (passport.tenure != nil || !passport.certificates.isEmpty) {
            return "a retired device holds something"
        }
        if [.made, .shipped, .claimable].contains(passport.stage) && passport.tenure != nil {
            return "an unowned stage is owned"
        }
        if let before, let was = before.installed?.sequence, (passport.installed?.sequence ?? 0) < was {
            return "the release went back"
        }
        if let before, passport.changedAt < before.changedAt { return "time went back" }
        return nil
    }
}

@Suite struct `A quarter of a million random steps` {
    /// Steps for each seed; about a third of them are accepted.
    private static let steps = 60_000

    @Test(arguments: [UInt64(1), 2, 3, 20_261_121]) func `break no promise`(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var lives = 0
        var accepted = 0
        var step = 0
        var reached: Set<Stage> = []
        while step < Self.steps {
            lives += 1
            var life = Life()
            var bystander = Bystander()
            let length = Int.random(in: 5...160, using: &random)
            for _ in 0..<length {
                step += 1
                let event = Self.event(for: life.passport, &random)
                let before = life.passport
                do throws(Refusal) {
                    let at = life.now.adding(seconds: Int64.random(in: 0...2, using: &random))
                    let next = try Passport.advance(
                        before, device: life.device, by: event, at: max(at, before?.changedAt ?? at))
                    life.passport = next
                    bystander.see(event)
                    accepted += 1
                    reached.insert(next.stage)
                    if let complaint = bystander.complaint(about: next, after: before, event) {
                        Issue.record("seed \(seed), step \(step): \(complaint) after \(event) in \(next)")
                        return
                    }
                    if step % 97 == 0 {
                        let stored = try Self.stored(next)
                        #expect(stored == next)
                    }
                } catch {
                    #expect(!error.hint.isEmpty)
                }
            }
        }
        #expect(reached == Set(Stage.allCases), "the simulation did not reach every stage")
        #expect(accepted > Self.steps / 5, "\(accepted) of \(step) steps were accepted: too few to show anything")
        #expect(lives > 100)
    }

    private static func stored(_ passport: Passport) throws(Refusal) -> Passport {
        guard let bytes = try? CanonicalJSON.encode(passport) else {
            throw Refusal(.internal, "It cannot be stored.", hint: "Look at its fields.")
        }
        return try CanonicalJSON.decode(Passport.self, from: bytes)
    }

    /// An event that mostly makes sense and often does not: names, numbers and order are mixed up on purpose.
    private static func event(for passport: Passport?, _ random: inout SeededRandom) -> Event {
        guard let passport else { return random.next() % 4 == 0 ? .shipped : Life.birth }
        func number(_ upTo: Int, _ random: inout SeededRandom) -> Int { Int.random(in: 0...upTo, using: &random) }
        let known = passport.tenure?.id ?? passport.endedTenures.last ?? Life.tenure(0)
        let tenure = number(9, &random) == 0 ? Life.tenure(number(40, &random)) : known
        let fresh = Life.certificate(number(2000, &random))
        let old = passport.certificates.randomElement(using: &random)?.serial ?? "c\(number(2000, &random))"
        let update = passport.offeredUpdate ?? Passport.Update.some(number(60, &random))
        switch number(27, &random) {
        case 0: return .shipped
        case 1, 2: return .paired(tenure: Life.tenure(number(400, &random)), grade: .proven, owner: Life.digest)
        case 3, 4: return .enrolled(tenure: tenure, certificate: fresh)
        case 5: return .renewed(tenure: tenure, certificate: fresh, replaces: old)
        case 6, 7, 8: return .certificateRevoked(serial: old, reason: .superseded)
        case 9: return .configured(version: passport.configurationVersion + number(2, &random), document: Life.digest)
        case 10: return .configurationApplied(version: number(5, &random), receipt: Life.digest)
        case 11: return .updateOffered(release: Life.release, sequence: number(60, &random))
        case 12: return .updated(release: update.release, sequence: update.sequence, receipt: Life.digest)
        case 13: return .updateFailed(release: update.release, sequence: 0, reason: "x", receipt: Life.digest)
        case 14: return .quarantined(reason: "test")
        case 15: return .restored
        case 16, 17: return .offered
        case 18: return .offerWithdrawn
        case 19, 20: return .accepted
        case 21, 22: return .tenureEnded(tenure: tenure)
        case 23, 24: return .wiped(receipt: Life.digest)
        case 25: return number(12, &random) == 0 ? .retired(how: .destroyed) : .alarmRaised(alarm: .logBroken)
        case 26: return .logTaken(from: number(3, &random), to: number(6, &random), head: Life.digest)
        default: return Life.birth
        }
    }
}

extension Passport.Update {
    /// One that may never have been offered; read from JSON, because only the stage machine makes them.
    fileprivate static func some(_ sequence: Int) -> Passport.Update {
        let json = #"{"release":"\#(Life.release)","sequence":\#(sequence)}"#
        return (try? CanonicalJSON.decode(Passport.Update.self, from: Array(json.utf8)))!
    }
}
