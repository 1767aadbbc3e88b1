import Passport
import Testing
import Wire

@Suite struct `The stage machine` {
    /// Every event in every situation: x is allowed, a dot is refused. Columns as in `Situation`:
    /// unborn, made, shipped, paired, enrolled, quarantined, offered, accepted, claimable, retired and owing, retired.
    static let matrix: [(kind: String, row: String)] = [
        //                       u m s p e q o a c r d
        ("born", "               x . . . . . . . . . ."),
        ("shipped", "            . x . . . . . . . . ."),
        ("paired", "             . . x . . . . . x . ."),
        ("enrolled", "           . . . x x . . . . . ."),
        ("renewed", "            . . . . x . . . . . ."),
        ("certificateRevoked", " . x x x x x x x x x x"),
        ("configured", "         . . . x x . . . . . ."),
        ("configurationApplied", ". . . . x x x . . . ."),
        ("updateOffered", "      . . x x x x x x x . ."),
        ("returnOffered", "      . . . . . . . . . . ."),
        ("updated", "            . . . . x x x x x . ."),
        ("updateFailed", "       . . . . x x x x x . ."),
        ("updateWithdrawn", "    . . . . x x x x x . ."),
        ("updateObserved", "     . . . . x x x x x . ."),
        ("quarantined", "        . . . x x . . . . . ."),
        ("restored", "           . . . . . x . . . . ."),
        ("offered", "            . . . x x . . . . . ."),
        ("offerWithdrawn", "     . . . . . . x . . . ."),
        ("accepted", "           . . . . . . x . . . ."),
        ("tenureEnded", "        . . . x . . . . . . ."),
        ("wiped", "              . . . . . . . x . x ."),
        ("retired", "            . x x . . . . x x . ."),
        ("logTaken", "           . . . x x . . . . . ."),
        ("alarmRaised", "        . x x x x x x x x x x"),
        ("enrolmentCodeIssued", ". . . x x . . . . . ."),
        ("deviceTokenIssued", "  . . . x x . . . . . ."),
        ("deviceKeyAccepted", "  . . . x x . . . . . ."),
        ("pairingUnlocked", "    . x x x x x x x x . ."),
        // The house's own facts are no part of a device's life.
        ("authorityCreated", "   . . . . . . . . . . ."),
        ("certificateAbandoned", ". . . . . . . . . . ."),
        ("productPublished", "   . . . . . . . . . . ."),
        ("permitGranted", "      . . . . . . . . . . ."),
        ("batchAdmitted", "      . . . . . . . . . . ."),
        ("releasePublished", "   . . . . . . . . . . ."),
        ("gatewayTokenSet", "    . . . . . . . . . . ."),
        ("personAdded", "        . . . . . . . . . . ."),
        ("ownerAdded", "         . . . . . . . . . . ."),
        ("signInLinkIssued", "   . . . . . . . . . . ."),
        ("tokenIssued", "        . . . . . . . . . . ."),
        ("tokenRevoked", "       . . . . . . . . . . ."),
        ("personRemoved", "      . . . . . . . . . . ."),
        ("alarmAcknowledged", "  . . . . . . . . . . ."),
        ("keySucceeded", "       . . . . . . . . . . ."),
        ("keyRetired", "         . . . . . . . . . . ."),
        ("updateSignerAdded", "  . . . . . . . . . . ."),
        ("updateSignerRemoved", "  . . . . . . . . . . ."),
        ("updateMetadataProposed", "  . . . . . . . . . . ."),
        ("updateMetadataSigned", "  . . . . . . . . . . ."),
        ("updateMetadataPublished", "  . . . . . . . . . . ."),
        ("rolloutPlanned", "    . . . . . . . . . . ."),
        ("rolloutApproved", "   . . . . . . . . . . ."),
        ("rolloutStarted", "    . . . . . . . . . . ."),
        ("rolloutAdvanced", "   . . . . . . . . . . ."),
        ("rolloutPaused", "     . . . . . . . . . . ."),
        ("rolloutResumed", "    . . . . . . . . . . ."),
        ("rolloutStopped", "    . . . . . . . . . . ."),
        ("rolloutFinished", "   . . . . . . . . . . ."),
        ("rolloutClosed", "     . . . . . . . . . . ."),
        ("updatesHeld", "       . . . . . . . . . . ."),
        ("updatesReleased", "   . . . . . . . . . . ."),
        ("deviceLabelled", "    . . . . . . . . . . ."),
        ("groupSet", "          . . . . . . . . . . ."),
        ("groupRemoved", "      . . . . . . . . . . ."),
        ("artifactPruned", "    . . . . . . . . . . ."),
        ("artifactReturned", "  . . . . . . . . . . ."),
    ]

    private static let rollout = RolloutID(trusted: "r")
    private static let numbers = RolloutNumbers(
        stage: 1, ofStage: RolloutCounts(), ofAll: RolloutCounts(), bound: 0, line: 200)

    /// The event of that kind that has the best chance with this passport.
    static func best(_ kind: String, for passport: Passport?) -> Event? {
        let tenure = passport?.tenure?.id ?? Life.tenure(2)
        let fresh = Life.certificate(99)
        let log = passport?.log?.count ?? 0
        let events: [Event] = [
            Life.birth, .shipped, .paired(tenure: Life.tenure(2), grade: .proven, owner: Life.digest),
            .enrolled(tenure: tenure, certificate: fresh), .renewed(tenure: tenure, certificate: fresh, replaces: "c1"),
            .certificateRevoked(serial: "c1", reason: .superseded),
            .configured(version: (passport?.configurationVersion ?? 0) + 1, document: Life.digest),
            .configurationApplied(version: passport?.configurationVersion ?? 1, receipt: Life.digest),
            .updateOffered(release: Life.release, sequence: 6),
            .returnOffered(release: Life.digest, sequence: 4, from: Life.release),
            .updated(release: Life.release, sequence: 5, receipt: Life.digest),
            .updateFailed(release: Life.release, sequence: 5, reason: "rolledBack", receipt: Life.digest),
            .updateWithdrawn(release: Life.release, sequence: 5),
            .updateObserved(release: Life.release, sequence: 5, outcome: .installed),
            .quarantined(reason: "tamper"), .restored, .offered, .offerWithdrawn, .accepted,
            .tenureEnded(tenure: tenure),
            .wiped(receipt: Life.digest), .retired(how: .destroyed),
            .logTaken(from: log, to: log + 1, head: Life.digest), .alarmRaised(alarm: .logBroken),
            .enrolmentCodeIssued, .deviceTokenIssued, .deviceKeyAccepted(key: Life.digest), .pairingUnlocked,
            .ownerAdded(kind: "person"),
            .signInLinkIssued(person: PersonID(trusted: "x")),
            .authorityCreated(name: "a", certificate: Life.digest), .certificateAbandoned(serial: "c1"),
            .productPublished(product: ProductID(trusted: "p"), document: Life.digest),
            .permitGranted(
                batch: BatchID(trusted: "b"), product: ProductID(trusted: "p"), quantity: 1, permit: Life.digest),
            .batchAdmitted(batch: BatchID(trusted: "b"), births: 1, manifest: Life.digest),
            .releasePublished(product: ProductID(trusted: "p"), sequence: 1, manifest: Life.digest),
            .gatewayTokenSet(product: ProductID(trusted: "p"), allowed: true),
            .personAdded(person: PersonID(trusted: "x"), role: "owner"), .tokenIssued(person: PersonID(trusted: "x")),
            .tokenRevoked(person: PersonID(trusted: "x")), .personRemoved(person: PersonID(trusted: "x")),
            .alarmAcknowledged(index: 1),
            .keySucceeded(role: "release", label: "release-2", key: nil),
            .keyRetired(role: "release", label: "release-1"),
            .updateSignerAdded(role: "targets", key: Life.digest, person: PersonID(trusted: "x"), inToken: true),
            .updateSignerRemoved(role: "targets", key: Life.digest),
            .updateMetadataProposed(role: "root", version: 1, content: Life.digest),
            .updateMetadataSigned(role: "root", version: 1, content: Life.digest, key: Life.digest),
            .updateMetadataPublished(role: "root", version: 1, content: Life.digest),
            .rolloutPlanned(rollout: rollout, product: ProductID(trusted: "p"), sequence: 1, plan: Life.digest),
            .rolloutApproved(rollout: rollout), .rolloutStarted(rollout: rollout),
            .rolloutAdvanced(rollout: rollout, numbers: numbers),
            .rolloutPaused(rollout: rollout, why: "asked", numbers: numbers), .rolloutResumed(rollout: rollout),
            .rolloutStopped(rollout: rollout, why: "line", numbers: numbers),
            .rolloutFinished(rollout: rollout, numbers: numbers), .rolloutClosed(rollout: rollout),
            .updatesHeld(device: DeviceID(trusted: "d"), highest: 1), .updatesReleased(device: DeviceID(trusted: "d")),
            .deviceLabelled(device: DeviceID(trusted: "d"), labels: Life.digest),
            .groupSet(group: "canaries", selector: Life.digest), .groupRemoved(group: "canaries"),
            .artifactPruned(artifact: Life.digest, size: 1), .artifactReturned(artifact: Life.digest),
        ]
        return events.first { $0.kind == kind }
    }

    @Test(arguments: matrix) func `allows each event exactly where its life may have it`(_ kind: String, _ row: String)
        throws
    {
        let cells = row.filter { $0 != " " }
        try #require(cells.count == Situation.allCases.count)
        for (situation, cell) in zip(Situation.allCases, cells) {
            let life = try Life(situation.life)
            #expect(life.passport?.stage == situation.stage)
            let event = try #require(Self.best(kind, for: life.passport), "no event \(kind) in best")
            let next = try? Passport.advance(life.passport, device: life.device, by: event, at: life.now)
            #expect((next != nil) == (cell == "x"), "\(kind) when \(situation)")
            guard let next else { continue }
            #expect(next.version == (life.passport?.version ?? 0) + 1)
            #expect(next.changedAt == life.now)
        }
    }

    @Test(arguments: Situation.allCases) func `explains every refusal`(_ situation: Situation) throws {
        let life = try Life(situation.life)
        for (kind, _) in Self.matrix {
            guard let event = Self.best(kind, for: life.passport) else { continue }
            do throws(Refusal) {
                _ = try Passport.advance(life.passport, device: life.device, by: event, at: life.now)
            } catch {
                #expect(error.code == .conflict)
                #expect(error.detail.hasSuffix("."))
                #expect(error.hint.hasSuffix("."))
                #expect(error.rule != nil)
            }
        }
    }

    @Test func `takes no event from before the last one`() throws {
        let life = try Life(Situation.shipped.life)
        let past = try #require(life.passport).changedAt.adding(seconds: -1)
        let event = Event.alarmRaised(alarm: .contactBeforePairing)
        #expect(throws: Refusal.self) { try Passport.advance(life.passport, device: life.device, by: event, at: past) }
        let same = try #require(life.passport).changedAt
        #expect(throws: Never.self) { try Passport.advance(life.passport, device: life.device, by: event, at: same) }
    }
}

@Suite struct `A passport in hand` {
    private func refuses(_ situation: Situation, _ event: Event) throws {
        var life = try Life(situation.life)
        #expect(throws: Refusal.self) { try life.live(event) }
    }

    @Test func `gives no certificate to another tenure than the open one`() throws {
        try refuses(.paired, .enrolled(tenure: Life.tenure(2), certificate: Life.certificate(3)))
    }

    @Test func `gives no certificate on the birth key, nor one serial twice`() throws {
        var onBirthKey = Life.certificate(3)
        onBirthKey.key = Life.certificate(0).key
        try refuses(.paired, .enrolled(tenure: Life.tenure(1), certificate: onBirthKey))
        try refuses(.enrolled, .enrolled(tenure: Life.tenure(1), certificate: Life.certificate(1)))
    }

    @Test func `never opens a tenure of the same name again`() throws {
        try refuses(.claimable, .paired(tenure: Life.tenure(1), grade: .declared, owner: Life.digest))
    }

    @Test func `ends no tenure while a certificate of it lives`() throws {
        try refuses(.enrolled, .tenureEnded(tenure: Life.tenure(1)))
    }

    @Test func `goes to no older release, and to none that was not offered`() throws {
        var life = try Life(Situation.enrolled.life)
        try life.live(.updated(release: Life.release, sequence: 5, receipt: Life.digest))
        #expect(throws: Refusal.self) { try life.live(.updateOffered(release: Life.digest, sequence: 5)) }
        #expect(throws: Refusal.self) { try life.live(.updateOffered(release: Life.digest, sequence: 4)) }
        #expect(throws: Refusal.self) {
            try life.live(.updated(release: Life.release, sequence: 5, receipt: Life.digest))
        }
        try life.live(.updateOffered(release: Life.digest, sequence: 6))
        #expect(throws: Refusal.self) {
            try life.live(.updated(release: Life.release, sequence: 6, receipt: Life.digest))
        }
        try life.live(.updateFailed(release: Life.digest, sequence: 6, reason: "rolledBack", receipt: Life.digest))
        #expect(life.passport?.installed?.sequence == 5)
    }

    @Test func `goes back from the release that it runs, where it is told to go back`() throws {
        var life = try Life(Situation.enrolled.life)
        let back = Event.returnOffered(release: Life.digest, sequence: 4, from: Life.release)
        #expect(throws: Refusal.self) { try life.live(back) }
        try life.live(.updated(release: Life.release, sequence: 5, receipt: Life.digest))
        for wrong in [
            Event.returnOffered(release: Life.digest, sequence: 4, from: Life.digest),
            .returnOffered(release: Life.digest, sequence: 5, from: Life.release),
            .returnOffered(release: Life.digest, sequence: 6, from: Life.release),
        ] {
            #expect(throws: Refusal.self) { try life.live(wrong) }
        }
        try life.live(back)
        #expect(life.passport?.offeredUpdate?.sequence == 4)
        try life.live(.updated(release: Life.digest, sequence: 4, receipt: Life.release))
        #expect(life.passport?.installed?.sequence == 4)
        #expect(throws: Refusal.self) { try life.live(back) }
        try life.live(.updateOffered(release: Life.release, sequence: 5))
    }

    @Test func `says whether a device signed for what it runs, or only its client reported it`() throws {
        var life = try Life(Situation.enrolled.life)
        #expect(throws: Refusal.self) {
            try life.live(.updateObserved(release: Life.digest, sequence: 5, outcome: .installed))
        }
        #expect(throws: Refusal.self) {
            try life.live(.updateObserved(release: Life.release, sequence: 4, outcome: .installed))
        }
        try life.live(.updateObserved(release: Life.release, sequence: 5, outcome: .installed))
        #expect(life.passport?.installed?.sequence == 5)
        #expect(life.passport?.installed?.observed == true)
        #expect(life.passport?.offeredUpdate == nil)
        try life.live(.updateOffered(release: Life.digest, sequence: 6))
        try life.live(.updateObserved(release: Life.digest, sequence: 6, outcome: .failed))
        #expect(life.passport?.installed?.sequence == 5 && life.passport?.offeredUpdate == nil)
        try life.live(.updateOffered(release: Life.digest, sequence: 7))
        try life.live(.updated(release: Life.digest, sequence: 7, receipt: Life.digest))
        #expect(life.passport?.installed?.sequence == 7)
        #expect(life.passport?.installed?.observed == nil)
    }

    @Test func `loses an offer that is taken back, and may have it again`() throws {
        var life = try Life(Situation.enrolled.life)
        #expect(throws: Refusal.self) { try life.live(.updateWithdrawn(release: Life.release, sequence: 6)) }
        try life.live(.updateWithdrawn(release: Life.release, sequence: 5))
        #expect(life.passport?.offeredUpdate == nil)
        #expect(throws: Refusal.self) { try life.live(.updateWithdrawn(release: Life.release, sequence: 5)) }
        try life.live(.updateOffered(release: Life.release, sequence: 5))
        #expect(life.passport?.offeredUpdate?.sequence == 5)
    }

    @Test func `is known to run what was taken back, or replaced, when it was done already`() throws {
        var life = try Life(Situation.enrolled.life)
        try life.live(.updateWithdrawn(release: Life.release, sequence: 5))
        try life.live(.updated(release: Life.release, sequence: 5, receipt: Life.digest))
        #expect(life.passport?.installed?.sequence == 5 && life.passport?.earlierOffer == nil)
        // Once, and nothing older.
        #expect(throws: Refusal.self) {
            try life.live(.updated(release: Life.release, sequence: 5, receipt: Life.digest))
        }
        try life.live(.updateOffered(release: Life.release, sequence: 6))
        try life.live(.updateOffered(release: Life.digest, sequence: 7))
        try life.live(.updateObserved(release: Life.release, sequence: 6, outcome: .installed))
        #expect(life.passport?.installed?.sequence == 6 && life.passport?.installed?.observed == true)
        #expect(life.passport?.offeredUpdate?.sequence == 7, "the newer offer stays")
        try life.live(.updateWithdrawn(release: Life.digest, sequence: 7))
        // A failure of what is offered no more says nothing.
        #expect(throws: Refusal.self) {
            try life.live(.updateObserved(release: Life.digest, sequence: 7, outcome: .failed))
        }
        #expect(life.passport?.earlierOffer?.sequence == 7)
    }

    @Test func `takes the device's log without a gap`() throws {
        var life = try Life(Situation.enrolled.life)
        try life.live(.logTaken(from: 0, to: 3, head: Life.digest))
        for (from, to) in [(0, 4), (2, 4), (4, 5), (3, 3), (3, 2)] {
            #expect(throws: Refusal.self) { try life.live(.logTaken(from: from, to: to, head: Life.digest)) }
        }
        try life.live(.logTaken(from: 3, to: 10, head: Life.release))
        #expect(life.passport?.log?.count == 10)
    }

    @Test func `forgets the old tenure's configuration`() throws {
        let passport = try #require(try Life(Situation.claimable.life).passport)
        #expect(passport.configurationVersion == 0)
        #expect(passport.tenure == nil)
        #expect(passport.endedTenures == [Life.tenure(1)])
    }

    @Test func `counts a wipe once`() throws {
        try refuses(.claimable, .wiped(receipt: Life.digest))
        try refuses(.retired, .wiped(receipt: Life.digest))
    }

    /// The ledger is replayed for as long as devices live: these bytes were written once and are read for ever.
    @Test func `reads leaves as they were written`() throws {
        let leaf = """
            {"at":"2026-11-21T05:26:34.123Z","by":{"person":"p-1","role":"makerAdmin"},"device":"device-1",\
            "event":{"retired":{"how":"recycled"}},"v":1}
            """
        let entry = try CanonicalJSON.decode(Entry.self, from: Array(leaf.utf8))
        #expect(entry.event == .retired(how: .recycled))
        #expect(String(decoding: try CanonicalJSON.encode(entry), as: UTF8.self) == leaf)
        let shipped = try CanonicalJSON.encode(
            Entry(at: Life.start, device: nil, by: Actor(role: "system"), event: .shipped))
        #expect(
            String(decoding: shipped, as: UTF8.self)
                == #"{"at":"2026-01-01T00:00:00.000Z","by":{"role":"system"},"event":{"shipped":{}},"v":1}"#)
    }

    @Test(arguments: Situation.allCases) func `is the same after it was stored`(_ situation: Situation) throws {
        guard let passport = try Life(situation.life).passport else { return }
        #expect(try CanonicalJSON.decode(Passport.self, from: CanonicalJSON.encode(passport)) == passport)
    }
}
