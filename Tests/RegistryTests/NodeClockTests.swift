import Foundation
import KeysFile
import Logging
import Passport
import Registry
import Store
import Testing
import Wire
import Workbench

/// Nodes with clocks of their own on one PostgreSQL, whose clock is this machine's.
@Suite(.enabled(if: BenchEngine.isPostgreSQL, "needs LIFELONG_TEST_DATABASE: scripts/test.sh runs it on PostgreSQL"))
struct `A node's clock` {
    /// Seconds beside the machine's clock, moved at will.
    private final class Skew: Sendable {
        private let seconds = Locked<Int64>(0)
        func set(_ value: Int64) { seconds.withLock { $0 = value } }
        var now: Timestamp { Self.machine.adding(seconds: seconds.withLock { $0 }) }
        static var machine: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
    }

    private let folder: String
    private let place: String
    private let log = LogCollector()

    init() async throws {
        folder = NSTemporaryDirectory() + "clocks-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        place = try await BenchEngine.makeSchema()
    }

    private func node(_ skew: Skew) async throws -> House {
        var settings = HouseSettings()
        settings.clockToleranceSeconds = NodeClock.usualToleranceSeconds
        return try await House(
            database: BenchEngine.open(place), keys: FileKeyStore(folder: folder + "/keys"), settings: settings,
            log: log.logger, clock: { skew.now }, random: BenchClock.random)
    }

    @discardableResult
    private func record(_ house: House) async throws -> Timestamp {
        try await house.change(as: .system) { change in
            try change.record(.tokenRevoked(person: .init(trusted: "p")))
            return change.now
        }
    }

    private static func isFarApart(_ error: any Error) -> Bool {
        let refusal = error as? Refusal
        return refusal?.code == .unavailable && refusal?.detail.contains("far apart") == true
            && refusal?.retryAfterSeconds != nil
    }

    @Test(arguments: [600, -600, 100_000_000] as [Int64])
    func `that is wrong stops that node and no other, until it is right`(_ seconds: Int64) async throws {
        let skew = Skew()
        let (right, wrong) = (try await node(Skew()), try await node(skew))
        try await record(wrong)
        skew.set(seconds)
        await #expect { try await record(wrong) } throws: { Self.isFarApart($0) }
        #expect(throws: Refusal.self) { try wrong.time() }
        for _ in 0..<3 { try await record(right) }
        await #expect { try await record(wrong) } throws: { Self.isFarApart($0) }
        skew.set(0)
        try await record(wrong)
        #expect(try wrong.time() <= skew.now)
        try await record(right)
        let said = log.text.split(separator: "\n").filter { $0.contains("the clock is") }
        #expect(said.count == 2, "\(said)")
    }

    @Test func `that is a little wrong leaves the database's time in the ledger`() async throws {
        let skew = Skew()
        let house = try await node(skew)
        for seconds in [50, -50] as [Int64] {
            skew.set(seconds)
            let before = Skew.machine
            let at = try await record(house)
            #expect(at >= before.adding(seconds: -1) && at <= Skew.machine.adding(seconds: 1), "\(at) at \(before)")
        }
    }

    @Test func `that is wrong is noticed while nobody writes, and refused at the start`() async throws {
        let skew = Skew()
        let house = try await node(skew)
        let following = Task { await house.follow() }
        skew.set(600)
        while house.nodeClock.trouble == nil { try await Task.sleep(for: .milliseconds(20)) }
        await #expect { _ = try await node(skew) } throws: { Self.isFarApart($0) }
        await #expect(throws: Refusal.self) { try await Publisher(house).publish() }
        skew.set(0)
        while house.nodeClock.trouble != nil { try await Task.sleep(for: .milliseconds(20)) }
        following.cancel()
        _ = await following.result
    }
}
