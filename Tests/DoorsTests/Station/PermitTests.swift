import Foundation
import Keys
import KeysFile
import Station
import Testing
import Trust
import Wire

@Suite struct `A new station` {
    @Test func `sends only public things to the maker`() throws {
        let workshop = try Workshop()
        let text = try String(contentsOfFile: workshop.home.requestFile, encoding: .utf8)
        let request = try CanonicalJSON.decode(StationRequest.self, from: Array(text.utf8))
        let csr = try VerifiedRequest(der: try #require(Base64.decode(request.birthAuthorityRequest)))
        #expect(csr.subject.commonName == "line-1 birth CA")
        #expect(Base64.encode(csr.spki) != request.stationKey)
        #expect(!text.contains("PRIVATE"))
        #expect(try workshop.keys.labels().map(\.text) == ["birth-authority", "manifest"])
    }

    @Test func `can be made twice and keeps its keys and its name`() throws {
        let workshop = try Workshop()
        let again = try InitializeStation(home: workshop.home, name: "line-1").perform(keys: workshop.keys)
        #expect(again.stationKey == workshop.request.stationKey)
        #expect(throws: Refusal.self) {
            try InitializeStation(home: workshop.home, name: "line-2").perform(keys: workshop.keys)
        }
        #expect(throws: Refusal.self) {
            try InitializeStation(home: workshop.home, name: "line-1", makerKey: EphemeralKey().publicKeyDER)
                .perform(keys: workshop.keys)
        }
    }

    @Test(arguments: ["", "line 1", "-line", "../line", String(repeating: "x", count: 49)])
    func `refuses a name that fits no certificate or file`(name: String) throws {
        let home = StationHome(NSTemporaryDirectory() + "station-\(UUID().uuidString)")
        let keys = try FileKeyStore(folder: home.path + "-keys")
        defer { try? FileManager.default.removeItem(atPath: home.path + "-keys") }
        #expect(throws: Refusal.self) { try InitializeStation(home: home, name: name).perform(keys: keys) }
        #expect(!FileManager.default.fileExists(atPath: home.path))
    }
}

@Suite struct `A permit` {
    private func refusal(_ workshop: Workshop, _ permit: Seal) -> Refusal? {
        do {
            _ = try workshop.open(permit)
            return nil
        } catch { return error as? Refusal }
    }

    @Test func `opens a batch when everything is right`() throws {
        let batch = try Workshop().open()
        #expect(batch.remaining == 3)
    }

    @Test func `by another key is refused`() throws {
        let workshop = try Workshop()
        let refusal = refusal(workshop, try workshop.permit(key: EphemeralKey()))
        #expect(refusal?.code == .unauthenticated)
        #expect(refusal?.hint.contains("--maker-key") == true)
    }

    @Test func `is not believed from a key that differs from the pinned one`() throws {
        let workshop = try Workshop()
        let other = EphemeralKey()
        #expect(throws: Refusal.self) {
            try Batch.open(
                workshop.home, permit: try workshop.permit(key: other), makerKey: other.publicKeyDER,
                keys: workshop.keys, clock: workshop.clock)
        }
    }

    @Test func `that was changed after signing is refused`() throws {
        let workshop = try Workshop()
        var seal = try workshop.permit()
        var permit = try CanonicalJSON.decode(Permit.self, from: seal.payloadBytes())
        permit.quantity = 1_000_000
        seal.payload = Base64.encode(try CanonicalJSON.encode(permit))
        #expect(refusal(workshop, seal)?.code == .unauthenticated)
    }

    @Test func `ends at its time, also in the middle of a run`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(days: 1))
        workshop.set(Workshop.start.adding(days: 1))
        #expect(throws: BirthFailure.self) { try SimulatedUnit().visit(batch) }
        #expect(batch.births.isEmpty)
        #expect(refusal(workshop, try workshop.permit(batch: "B-2", days: 1))?.code == .gone)
    }

    @Test func `for another station is refused`() throws {
        let workshop = try Workshop()
        let other = try Workshop()
        #expect(refusal(workshop, try other.permit(key: workshop.permitKey))?.code == .forbidden)
        let mixed = try workshop.permit { $0.stationKey = other.request.stationKey }
        #expect(refusal(workshop, mixed)?.code == .forbidden)
        let foreignAuthority = try CanonicalJSON.decode(Permit.self, from: try other.permit().payloadBytes()).birthChain
        let crossed = try workshop.permit { $0.birthChain = foreignAuthority }
        #expect(refusal(workshop, crossed)?.code == .forbidden)
    }

    @Test func `whose authority does not chain to its root is refused`() throws {
        let workshop = try Workshop()
        let other = try Workshop()
        let permit = try workshop.permit { $0.birthChain[1] = Base64.encode(other.root.certificate) }
        #expect(refusal(workshop, permit) != nil)
        #expect(refusal(workshop, try workshop.permit { $0.birthChain = [] })?.code == .malformed)
    }

    @Test func `is refused while the clock is before its authority`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        workshop.set(Workshop.start.adding(days: -2))
        let refusal = refusal(workshop, permit)
        #expect(refusal?.code == .unavailable)
        #expect(refusal?.hint.contains("clock") == true)
    }

    @Test func `is refused when the clock went back behind the last birth`() throws {
        let workshop = try Workshop()
        workshop.set(Workshop.start.adding(days: 2))
        let permit = try workshop.permit()
        do {
            let batch = try workshop.open(permit)
            #expect(try SimulatedUnit().visit(batch).outcome == .born)
        }
        workshop.set(Workshop.start.adding(days: 1))
        #expect(refusal(workshop, permit)?.hint.contains("clock") == true)
    }

    @Test func `serves one process at a time`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        let open = try workshop.open(permit)
        withExtendedLifetime(open) {
            #expect(refusal(workshop, permit)?.code == .conflict)
        }
    }

    @Test func `for the same batch may follow one that ended, but not for another product`() throws {
        let workshop = try Workshop()
        do { _ = try workshop.open(try workshop.permit(quantity: 1)) }
        #expect(refusal(workshop, try workshop.permit(quantity: 5)) == nil)
        let other = try workshop.permit { $0.product = ProductID(trusted: "kettle") }
        #expect(refusal(workshop, other)?.code == .conflict)
    }
}

@Suite struct `A permit under a key that succeeded the pinned one` {
    private func statement(
        _ number: Int, naming: [EphemeralKey], signedBy: [EphemeralKey], role: KeySuccession.Role = .permit
    ) throws -> Seal {
        let statement = KeySuccession(
            role: role, number: number, keys: naming.map { Base64.encode($0.publicKeyDER) }, at: Workshop.start)
        return try Seal.sign(
            type: Seal.PayloadType.succession, payload: try CanonicalJSON.encode(statement), with: signedBy)
    }

    private func open(_ workshop: Workshop, _ permit: Seal, _ successions: [Seal]) throws {
        _ = try Batch.open(
            workshop.home, permit: permit, successions: successions, keys: workshop.keys, clock: workshop.clock)
    }

    @Test func `is taken with the statement under the old key, and from then on without it`() throws {
        let workshop = try Workshop()
        let (old, new, third) = (workshop.permitKey, EphemeralKey(), EphemeralKey())
        let permit = try workshop.permit(key: new)
        #expect(throws: Refusal.self) { try open(workshop, permit, []) }
        let first = try statement(1, naming: [new], signedBy: [new, old])
        try open(workshop, permit, [first])
        try open(workshop, permit, [])
        // The one that was dropped signs nothing any more, and cannot come back.
        #expect(throws: Refusal.self) { try open(workshop, try workshop.permit(batch: "B-2"), []) }
        #expect(throws: Refusal.self) {
            try open(
                workshop, try workshop.permit(batch: "B-2"), [try statement(2, naming: [old], signedBy: [old])])
        }
        // The whole row comes with each permit; what is known is passed over.
        let second = try statement(2, naming: [third], signedBy: [third, new])
        try open(workshop, try workshop.permit(batch: "B-3", key: third), [first, second])
        // Making the station again forgets nothing of it.
        _ = try InitializeStation(home: workshop.home, name: "line-1", makerKey: old.publicKeyDER)
            .perform(keys: workshop.keys)
        try open(workshop, try workshop.permit(batch: "B-4", key: third), [])
    }

    @Test func `is refused with a statement that is forged, rolled back or of another role, and nothing is learnt`()
        throws
    {
        let workshop = try Workshop()
        let (old, new) = (workshop.permitKey, EphemeralKey())
        let permit = try workshop.permit(key: new)
        let record = try String(contentsOfFile: workshop.home.path + "/station.json", encoding: .utf8)
        var cut = try statement(1, naming: [new], signedBy: [new, old])
        cut.payload = String(cut.payload.prefix(40))
        let forged = [
            try statement(1, naming: [new], signedBy: [new]),
            try statement(1, naming: [new], signedBy: [new, old], role: .release),
            try statement(1, naming: [new], signedBy: [old]), cut,
        ]
        for (index, seal) in forged.enumerated() {
            #expect(throws: Refusal.self, "\(index)") { try open(workshop, permit, [seal]) }
        }
        #expect(throws: Refusal.self) {
            try open(workshop, permit, Array(repeating: forged[0], count: 65))
        }
        #expect(try String(contentsOfFile: workshop.home.path + "/station.json", encoding: .utf8) == record)
        try open(workshop, try workshop.permit(), [])
    }
}

@Suite struct `A station that moves its keys` {
    @Test func `forgets nothing when a permit that it follows a succession for is judged at the same time`() throws {
        let workshop = try Workshop()
        let (old, new) = (workshop.permitKey, EphemeralKey())
        let statement = KeySuccession(
            role: .permit, number: 1, keys: [Base64.encode(new.publicKeyDER)], at: Workshop.start)
        let seal = try Seal.sign(
            type: Seal.PayloadType.succession, payload: try CanonicalJSON.encode(statement), with: [new, old])
        let token = try FileKeyStore(folder: workshop.home.path + "/token")
        let keys = JoinedKeyStore(first: token, second: workshop.keys)
        let home = workshop.home
        // The clock is asked once the record was read.
        _ = try Batch.open(
            home, permit: try workshop.permit(key: new), successions: [seal], keys: keys,
            clock: {
                _ = try? MoveStation(home: home).perform(keys: keys)
                return Workshop.start
            })
        let record = try home.record()
        #expect(record.generation == 2 && record.succession == 1, "\(record)")
    }

    @Test func `ends its open batch under the old ones, and takes the next permit for the new ones`() throws {
        let workshop = try Workshop()
        let before = try workshop.permit()
        #expect(throws: Refusal.self) { try MoveStation(home: workshop.home).perform(keys: workshop.keys) }
        do {
            let batch = try workshop.open(before)
            _ = try SimulatedUnit().visit(batch)
        }
        let token = try FileKeyStore(folder: workshop.home.path + "/token")
        let keys = JoinedKeyStore(first: token, second: workshop.keys)
        let moved = try MoveStation(home: workshop.home).perform(keys: keys)
        #expect(moved.open.map(\.text) == ["B-1"])
        #expect(try token.labels().map(\.text) == ["birth-authority-2", "manifest-2"])
        #expect(moved.request.stationKey != workshop.request.stationKey)
        // Again, or another init, changes nothing more.
        #expect(try MoveStation(home: workshop.home).perform(keys: keys).request.stationKey == moved.request.stationKey)
        #expect(
            try InitializeStation(home: workshop.home, name: "line-1").perform(keys: keys).stationKey
                == moved.request.stationKey)
        let next = try workshop.permit(batch: "B-2", for: moved.request)
        for permit in [before, next] {
            let batch = try Batch.open(workshop.home, permit: permit, keys: keys, clock: workshop.clock)
            _ = try SimulatedUnit().visit(batch)
        }
        #expect(throws: Refusal.self) { try RetireStationKeys(home: workshop.home).perform(keys: keys) }
        let manifests = try ["B-1", "B-2"].map {
            try CloseBatch(home: workshop.home, batch: BatchID($0)).perform(keys: keys, at: workshop.clock())
        }
        for (manifest, request) in zip(manifests, [workshop.request, moved.request]) {
            let key = try #require(Base64.decode(request.stationKey))
            #expect(throws: Never.self) { try manifest.verified(type: Seal.PayloadType.births, by: [key]) }
        }
        #expect(
            try RetireStationKeys(home: workshop.home).perform(keys: keys).map(\.text) == [
                "birth-authority", "manifest",
            ])
        #expect(try workshop.keys.labels().isEmpty)
        #expect(throws: Never.self) {
            try Batch.open(
                workshop.home, permit: try workshop.permit(batch: "B-3", for: moved.request), keys: keys,
                clock: workshop.clock)
        }
    }
}
