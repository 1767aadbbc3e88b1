import Passport
import Testing
import Wire

@Suite struct `Plain JSON of passports and leaves` {
    /// Texts that people write: some need escapes, which the plain form leaves to the general coder.
    private static let reasons = [
        "tamper", "", "ü€😀", "a/b", "quote\"", "back\\slash", "line\nfeed", "del\u{7f}", "nul\u{0}",
    ]

    /// A life in which every event comes that is allowed, in random order.
    private func live(_ each: (Passport, Event) throws -> Void) throws {
        var random = SystemRandomNumberGenerator()
        var life = Life()
        try life.live(Life.birth)
        for number in 0..<40 {
            let kinds = `The stage machine`.matrix.map(\.kind)
            guard let kind = kinds.randomElement(using: &random),
                var event = `The stage machine`.best(kind, for: life.passport)
            else { continue }
            let certificate = Life.certificate(number + 2)
            switch event {
            case .quarantined: event = .quarantined(reason: Self.reasons.randomElement(using: &random) ?? "")
            case .updateFailed(let release, let sequence, _, let receipt):
                event = .updateFailed(
                    release: release, sequence: sequence, reason: Self.reasons.randomElement(using: &random) ?? "",
                    receipt: receipt)
            case .paired: event = .paired(tenure: Life.tenure(number), grade: .label, owner: Life.digest)
            case .enrolled(let tenure, _): event = .enrolled(tenure: tenure, certificate: certificate)
            case .renewed(let tenure, _, _):
                event = .renewed(
                    tenure: tenure, certificate: certificate, replaces: life.passport?.certificates.first?.serial ?? "")
            case .certificateRevoked:
                event = .certificateRevoked(
                    serial: life.passport?.certificates.first?.serial ?? "c1", reason: .superseded)
            case .updated(_, _, let receipt):
                event = .updated(
                    release: Life.release, sequence: life.passport?.offeredUpdate?.sequence ?? 1, receipt: receipt)
            case .updateObserved:
                event = .updateObserved(
                    release: Life.release, sequence: life.passport?.offeredUpdate?.sequence ?? 1,
                    outcome: Bool.random() ? .installed : .failed)
            default: break
            }
            guard (try? life.live(event)) != nil, let passport = life.passport else { continue }
            try each(passport, event)
        }
    }

    @Test func `is byte for byte what the general coder writes, and reads back the same`() throws {
        for _ in 0..<120 {
            try live { passport, event in
                let bytes = try CanonicalJSON.encode(passport)
                #expect(try passport.json() == bytes)
                #expect(try Passport(json: bytes) == passport)
                let person = Bool.random() ? PersonID(trusted: "p-1") : nil
                let entry = Entry(
                    at: passport.changedAt, device: passport.device, by: Actor(role: "maker", person: person),
                    event: event)
                #expect(try entry.json() == CanonicalJSON.encode(entry))
            }
        }
    }

    @Test(arguments: Situation.allCases) func `says everything of each situation`(_ situation: Situation) throws {
        guard let passport = try Life(situation.life).passport else { return }
        #expect(try passport.json() == CanonicalJSON.encode(passport))
        #expect(try Passport(json: passport.json()) == passport)
    }

    @Test(arguments: `The stage machine`.matrix.map(\.kind)) func `knows each event by its name`(_ kind: String) throws
    {
        let passport = try Life(Situation.enrolled.life).passport
        let event = try #require(`The stage machine`.best(kind, for: passport))
        let entry = Entry(at: Life.start, device: nil, by: Actor(role: "system"), event: event)
        let bytes = try CanonicalJSON.encode(entry)
        #expect(try entry.json() == bytes)
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"event\":{\"\(kind)\":"))
        #expect(event.kind == String(String(describing: event).prefix { $0 != "(" }))
    }

    @Test func `is never read differently, whatever byte is changed`() throws {
        var random = SystemRandomNumberGenerator()
        var read = 0
        for _ in 0..<3000 {
            let situation = Situation.allCases.randomElement(using: &random) ?? .enrolled
            guard var bytes = try Life(situation.life).passport?.json() else { continue }
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                let other = Array("{}[]\":,\\0123456789.-+eE abcTZ\n".utf8).randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.insert(other, at: at)
                case 1: bytes.remove(at: at)
                case 2: bytes.removeSubrange(at...)
                default: bytes[at] = other
                }
                if bytes.isEmpty { bytes = [other] }
            }
            let plain = try? Passport(json: bytes)
            let general = try? CanonicalJSON.decode(Passport.self, from: bytes)
            #expect(plain == general, "\(String(decoding: bytes, as: UTF8.self))")
            if plain != nil { read += 1 }
        }
        // Names, digests and numbers may be others; most changes make it no passport.
        #expect(read > 100)
    }
}
