import Agent
import Crypto
import Release
import Testing
import Trust
import Wire

/// The way back to the release before: the agent takes it only if the release that it runs was signed so, and only once.
@Suite struct `A device that is told to go back` {
    private static let now = Timestamp(seconds: 1_790_000_000)
    private static let device = DeviceID(trusted: "device-1")
    private static let product = ProductID(trusted: "thermostat-2")
    private let key = EphemeralKey()
    private let disk = MemoryDisk()

    init() throws {
        let home = AgentHome("/home")
        try home.makeFolders(on: disk)
        try Slots(on: disk, folder: home.slots).furnish(
            Array("factory".utf8), product: Self.product, hardware: "board-b", at: Self.now)
    }

    private var updates: Updates { Updates(on: disk, home: AgentHome("/home")) }

    private func artifact(_ sequence: Int) -> [UInt8] { Array("release \(sequence)".utf8) }

    private func release(_ sequence: Int, mayReturnTo before: Seal? = nil) throws -> Seal {
        let manifest = ReleaseManifest(
            product: Self.product, sequence: sequence, version: "\(sequence)", hardware: ["board-b"],
            sha256: Wire.Digest(SHA256.hash(data: artifact(sequence))), size: artifact(sequence).count,
            created: Self.now, mayReturnTo: before.flatMap { VerifiedRelease.digest(ofUnverified: $0) })
        return try Seal.sign(
            type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key)
    }

    /// Takes what is offered, and starts into it if it takes it.
    private func offer(_ seal: Seal, healthy: Bool = true) async throws -> Updates.Outcome {
        let manifest = try CanonicalJSON.decode(ReleaseManifest.self, from: seal.payloadBytes())
        let bytes = artifact(manifest.sequence)
        let terms = Updates.Terms(
            releaseKeys: [key.publicKeyDER], product: Self.product, hardware: "board-b", device: Self.device)
        let outcome = try await updates.take(seal, on: terms, at: Self.now) { offset, _, begin, take in
            try begin(offset, "\"tag\"")
            try take(Array(bytes[offset...]))
        }
        if case .restart = outcome {
            #expect(try updates.boot(device: Self.device, at: Self.now) == .trial)
            if healthy {
                try updates.pass(device: Self.device, at: Self.now)
            } else {
                try updates.fail("It is not healthy.", device: Self.device, at: Self.now)
            }
        }
        return outcome
    }

    private func running() throws -> Int { try updates.slots.running().content.manifest.sequence }

    private func isRefused(_ outcome: Updates.Outcome) -> Bool {
        if case .refused(let refusal) = outcome { refusal.rule == "release: anti-rollback" } else { false }
    }

    @Test func `does so once, and never without the signed word of what it runs`() async throws {
        let first = try release(1)
        let second = try release(2, mayReturnTo: first)
        let third = try release(3, mayReturnTo: second)
        let fourth = try release(4)
        for seal in [first, second] { _ = try await offer(seal) }
        #expect(try running() == 2)
        _ = try await offer(third)
        #expect(isRefused(try await offer(first)), "not over the one before")
        #expect(try running() == 3)
        _ = try await offer(second)
        #expect(try running() == 2)
        // Release 2 itself may go back to release 1; a device that came to it on the way back may not.
        #expect(isRefused(try await offer(first)))
        #expect(try running() == 2)
        // Forward it goes as ever, and from there once more back.
        _ = try await offer(third)
        #expect(try running() == 3)
        _ = try await offer(second)
        #expect(try running() == 2)
        _ = try await offer(fourth)
        #expect(try running() == 4)
        for seal in [first, second, third] { #expect(isRefused(try await offer(seal))) }
        #expect(try running() == 4)
    }

    @Test func `knows that it went back after every restart, and when going back fails`() async throws {
        let first = try release(1)
        let second = try release(2, mayReturnTo: first)
        let third = try release(3, mayReturnTo: second)
        for seal in [first, second, third] { _ = try await offer(seal) }
        // The way back is no good: it stays where it was, and does not try that again.
        _ = try await offer(second, healthy: false)
        #expect(try running() == 3)
        #expect(try await offer(second) == .failedBefore)
        let fourth = try release(4, mayReturnTo: third)
        _ = try await offer(fourth)
        _ = try await offer(third)
        disk.restart(.everything)
        #expect(try updates.boot(device: Self.device, at: Self.now) == .steady)
        #expect(try running() == 3 && updates.slots.running().content.isReturn == true)
        #expect(isRefused(try await offer(first)))
    }

    @Test func `is told by whoever changed the word that allows it: nothing happens`() async throws {
        let first = try release(1)
        let second = try release(2)
        for seal in [first, second] { _ = try await offer(seal) }
        // What the running release allows stands under its seal, which the slot keeps; a manifest that is offered again with
        // another word is another release of the same number.
        let forged = try release(2, mayReturnTo: first)
        #expect(isRefused(try await offer(forged)))
        #expect(isRefused(try await offer(first)))
        #expect(try running() == 2)
    }
}
