import Agent
import Crypto
import Release
import Testing
import Trust
import Wire

/// A device with a factory image and one release on offer, on a disk in memory.
private struct Rig {
    static let hardware = "board-b"
    static let product = ProductID(trusted: "thermostat-2")
    static let device = DeviceID(trusted: "device-1")
    static let now = Timestamp(seconds: 1_790_000_000)

    let key = EphemeralKey()
    let artifact = (0..<2500).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let offer: Seal
    let digest: Wire.Digest
    let disk = MemoryDisk()

    init() throws {
        let manifest = ReleaseManifest(
            product: Self.product, sequence: 1, version: "1.0", hardware: [Self.hardware],
            sha256: Wire.Digest(SHA256.hash(data: artifact)), size: artifact.count, created: Self.now)
        offer = try Seal.sign(
            type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key)
        digest = try #require(VerifiedRelease.digest(ofUnverified: offer))
        let home = AgentHome("/home")
        try home.makeFolders(on: disk)
        try Slots(on: disk, folder: home.slots).furnish(
            Array("factory".utf8), product: Self.product, hardware: Self.hardware, at: Self.now)
        disk.restart(.everything)
    }

    func updates(on disk: MemoryDisk) -> Updates { Updates(on: disk, home: AgentHome("/home")) }

    /// What the agent does from a start on: judge a trial, take the offer, start into it, until nothing changes.
    func live(on disk: MemoryDisk, healthy: Bool) async throws {
        let updates = updates(on: disk)
        for _ in 0..<6 {
            if try updates.boot(device: Self.device, at: Self.now) == .trial {
                if healthy {
                    try updates.pass(device: Self.device, at: Self.now)
                } else {
                    try updates.fail("The health command ended with 1.", device: Self.device, at: Self.now)
                }
            }
            let terms = Updates.Terms(
                releaseKeys: [key.publicKeyDER], product: Self.product, hardware: Self.hardware, device: Self.device)
            let outcome = try await updates.take(offer, on: terms, at: Self.now) { [artifact] offset, _, begin, take in
                try begin(offset, "\"tag\"")
                for start in stride(from: offset, to: artifact.count, by: 1000) {
                    try take(Array(artifact[start..<min(start + 1000, artifact.count)]))
                }
            }
            guard case .restart = outcome else { return }
        }
        Issue.record("The device never came to rest.")
    }

    /// Invariant 1: whatever happened, what is active is whole.
    func expectGoodSlot(on disk: MemoryDisk, _ place: String) throws {
        let slots = Slots(on: disk, folder: AgentHome("/home").slots)
        let active = try slots.active()
        #expect(throws: Never.self, "\(place)") { try slots.verify(active) }
    }

    /// At rest: one image, no trial, and a receipt that says the same.
    func expectRest(on disk: MemoryDisk, healthy: Bool, _ place: String) throws {
        let updates = updates(on: disk)
        try expectGoodSlot(on: disk, place)
        #expect(try updates.slots.trial() == nil, "\(place)")
        let running = try updates.slots.running().content.manifest.sequence
        let kinds = try disk.names(in: "/home/outbox").filter { $0.hasSuffix(".json") }.map {
            $0.split(separator: "-")[0]
        }
        // A cut says nothing about a release: a healthy one arrives.
        #expect(running == (healthy ? 1 : 0), "\(place)")
        #expect(kinds == [running == 1 ? "updated" : "rolledBack"], "\(place): \(running)")
    }
}

@Suite struct `An update that is cut` {
    @Test(arguments: [true, false])
    func `comes to rest when nothing is cut`(healthy: Bool) async throws {
        let rig = try Rig()
        try await rig.live(on: rig.disk, healthy: healthy)
        try rig.expectRest(on: rig.disk, healthy: healthy, "uncut")
        #expect(try rig.updates(on: rig.disk).slots.running().content.manifest.sequence == (healthy ? 1 : 0))
    }

    /// Every file operation, each failed and failed but persisted, each with four kinds of aftermath.
    @Test(arguments: [true, false], [true, false])
    func `has a good slot at every instant, and comes to rest`(healthy: Bool, persisted: Bool) async throws {
        let rig = try Rig()
        let whole = rig.disk.copy()
        try await rig.live(on: whole, healthy: healthy)
        let operations = whole.operations - rig.disk.operations
        #expect(operations > 40)
        for cut in 1...operations {
            for aftermath in MemoryDisk.Aftermath.allCases {
                let place = "cut at \(cut) of \(operations), \(aftermath)"
                let disk = rig.disk.copy()
                disk.cutPower(at: cut, persisted: persisted)
                await #expect(throws: PowerCut.self, "\(place)") { try await rig.live(on: disk, healthy: healthy) }
                disk.restart(aftermath)
                try rig.expectGoodSlot(on: disk, place)
                try await rig.live(on: disk, healthy: healthy)
                try rig.expectRest(on: disk, healthy: healthy, place)
            }
        }
    }

    /// The recovery is cut as well, at every operation, after a cut at every third.
    @Test(arguments: [true, false])
    func `survives a second cut during its recovery`(healthy: Bool) async throws {
        let rig = try Rig()
        let whole = rig.disk.copy()
        try await rig.live(on: whole, healthy: healthy)
        let operations = whole.operations - rig.disk.operations
        for first in stride(from: 1, through: operations, by: 3) {
            for second in 1...operations {
                let place = "cuts at \(first) and \(second)"
                let disk = rig.disk.copy()
                disk.cutPower(at: first, persisted: false)
                try? await rig.live(on: disk, healthy: healthy)
                disk.restart(.onlySynced)
                disk.cutPower(at: second, persisted: true)
                guard (try? await rig.live(on: disk, healthy: healthy)) == nil else { break }
                disk.restart(.tornContents)
                try rig.expectGoodSlot(on: disk, place)
                try await rig.live(on: disk, healthy: healthy)
                try rig.expectRest(on: disk, healthy: healthy, place)
            }
        }
    }

    @Test func `does not try a release again that failed`() async throws {
        let rig = try Rig()
        try await rig.live(on: rig.disk, healthy: false)
        try rig.disk.removeFolder("/home/outbox")
        try await rig.live(on: rig.disk, healthy: true)
        try rig.expectRest(on: rig.disk, healthy: false, "offered again")
    }

    /// It crashes the device before it can be judged, each time.
    @Test func `gives up a release that never confirms itself`() async throws {
        let rig = try Rig()
        let updates = rig.updates(on: rig.disk)
        let terms = Updates.Terms(
            releaseKeys: [rig.key.publicKeyDER], product: Rig.product, hardware: Rig.hardware, device: Rig.device)
        let taken = try await updates.take(rig.offer, on: terms, at: Rig.now) {
            [artifact = rig.artifact] _, _, begin, take in
            try begin(0, "\"tag\"")
            try take(artifact)
        }
        guard case .restart = taken else {
            Issue.record("\(taken)")
            return
        }
        for boot in 1...Slots.Trial.mostBoots {
            #expect(try updates.boot(device: Rig.device, at: Rig.now) == .trial, "start \(boot)")
            rig.disk.restart(.onlySynced)
        }
        guard case .wentBack = try updates.boot(device: Rig.device, at: Rig.now) else {
            Issue.record("It went on trying.")
            return
        }
        #expect(try updates.boot(device: Rig.device, at: Rig.now) == .steady)
        try rig.expectRest(on: rig.disk, healthy: false, "given up")
    }

    @Test func `refuses before it writes anything but the receipt`() async throws {
        let rig = try Rig()
        let before = try rig.disk.names(in: "/home/slots/b")
        let terms = Updates.Terms(
            releaseKeys: [EphemeralKey().publicKeyDER], product: Rig.product, hardware: Rig.hardware, device: Rig.device
        )
        let outcome = try await rig.updates(on: rig.disk).take(rig.offer, on: terms, at: Rig.now) { _, _, _, _ in
            Issue.record("Nothing may be fetched.")
        }
        guard case .refused(let refusal) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(refusal.code == .unauthenticated)
        #expect(try rig.disk.names(in: "/home/slots/b") == before)
        #expect(try rig.disk.names(in: "/home/download").isEmpty)
        #expect(try rig.disk.names(in: "/home/outbox").count == 1)
    }
}
