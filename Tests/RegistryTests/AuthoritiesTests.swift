import Foundation
import Manufacture
import Registry
import Store
import Testing
import Trust
import Wire
import Workbench

/// Reads can be held after they have read, and can fail.
private final class TroubledReads: Database {
    private let base: any Database
    private let isBroken = Locked(false)

    init(_ base: any Database) { self.base = base }

    /// The next read is held; returns what tells that it has read, and what lets it go on.
    func holdNext() -> (hasRead: AsyncStream<Void>, goOn: AsyncStream<Void>.Continuation) {
        let (hasRead, told) = AsyncStream<Void>.makeStream()
        let (gate, goOn) = AsyncStream<Void>.makeStream()
        next.withLock { $0 = (told, gate) }
        return (hasRead, goOn)
    }
    private let next = Locked<(told: AsyncStream<Void>.Continuation, gate: AsyncStream<Void>)?>(nil)
    func breaks(_ broken: Bool) { isBroken.withLock { $0 = broken } }

    var kind: String { base.kind }
    func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        guard !isBroken.withLock({ $0 }) else {
            throw Refusal(.unavailable, "The database is away.", hint: "Wait.", retryAfterSeconds: 1)
        }
        let hold = next.withLock { next in
            defer { next = nil }
            return next
        }
        let value = try await base.read(body)
        if let hold {
            hold.told.finish()
            for await _ in hold.gate {}
        }
        return value
    }
    func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T { try await base.write(body) }
    func changes() -> AsyncStream<Void> { base.changes() }
    func forgetDeleted() async throws { try await base.forgetDeleted() }
    func backup(to path: String) async throws { try await base.backup(to: path) }
    func damage(
        quick: Bool, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void
    ) async throws -> [String] { try await base.damage(quick: quick, progress: progress) }
    func close() throws { try base.close() }
}

@Suite struct `The authorities that a house knows` {
    private func scene() async throws -> (bench: HouseBench, house: House, reads: TroubledReads) {
        let bench = try await HouseBench()
        let before = bench.house
        let reads = TroubledReads(before.database)
        let house = try await House(
            database: reads, keys: before.keys, settings: before.settings, log: before.log, clock: before.clock,
            random: before.random)
        try await bench.publishProduct()
        return (bench, house, reads)
    }

    private func open(_ station: String, in house: House) async throws -> String {
        let opened = try await house.perform(
            OpenBatch(
                product: HouseBench.product, quantity: 3,
                request: StationRequest(
                    name: station,
                    birthAuthorityRequest: Base64.encode(
                        CertificationRequest.birth(serial: station, key: EphemeralKey())),
                    stationKey: Base64.encode(EphemeralKey().publicKeyDER))), as: .system)
        return "birth-\(opened.batch)"
    }

    @Test func `are not forgotten by a read that began before they were made and ended behind`() async throws {
        let wrapped = Locked<TroubledReads?>(nil)
        let bench = try await HouseBench(wrapping: { base in
            let reads = TroubledReads(base)
            wrapped.withLock { $0 = reads }
            return reads
        })
        let (house, reads) = (bench.house, try #require(wrapped.withLock { $0 }))
        try await bench.publishProduct()
        let (hasRead, goOn) = reads.holdNext()
        async let slow: Void = house.authorities.load(from: house)
        for await _ in hasRead {}
        let made = try await open("line-1", in: house)
        goOn.finish()
        try await slow
        #expect(house.authorities.known(made) != nil)
    }

    @Test func `are read again after a read that failed, without anybody's help`() async throws {
        let (bench, house, reads) = try await scene()
        let made = try await open("line-1", in: bench.house)
        reads.breaks(true)
        await house.authorities.reload(from: house)
        reads.breaks(false)
        #expect(house.authorities.known(made) == nil)
        // That there is news does not make it read them.
        _ = try await house.passports.catchUp(with: house.database)
        let following = Task { await house.follow() }
        let end = ContinuousClock.now + .seconds(20)
        while house.authorities.known(made) == nil, .now < end { try await Task.sleep(for: .milliseconds(20)) }
        following.cancel()
        await following.value
        #expect(house.authorities.known(made) != nil)
    }
}
