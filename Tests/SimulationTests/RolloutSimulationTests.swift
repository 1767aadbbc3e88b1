import Foundation
import Passport
import Rollout
import Simulation
import Testing

@Suite struct `A simulated rollout` {
    private func run(
        _ seed: UInt64, failing: Int, devices: Int = 5000, asleep: Int = 300, broken: RolloutInvariant? = nil
    ) throws -> RolloutReport {
        var options = RolloutWorld.Options()
        (options.devices, options.failing, options.asleep, options.broken) = (devices, failing, asleep, broken)
        return try RolloutWorld.run(seed: seed, options: options)
    }

    @Test func `has the invariants of its page, each with its sentence`() throws {
        let rows = try Documents.table("docs/simulation.md", headed: ["rollout invariant", "what must hold"])
        #expect(rows.map { $0[0] } == RolloutInvariant.allCases.map(\.rawValue))
    }

    @Test(arguments: [UInt64(1), 2, 3]) func `of a good release reaches every device`(_ seed: UInt64) throws {
        let report = try run(seed, failing: 20, devices: 20_000)
        #expect(report.status == .complete && report.stages == 4 && report.offers == report.devices)
        #expect(report.counts.answered == report.devices)
    }

    /// A release that fails on one device in five is stopped before it has met a tenth of the fleet.
    @Test(arguments: [UInt64(4), 5, 6, 7, 8]) func `of a bad release ends at its canary`(_ seed: UInt64) throws {
        let report = try run(seed, failing: 2000)
        #expect(report.status == .stopped && report.offers <= report.devices / 10, "\(report)")
    }

    @Test func `of a release far below the line is hardly ever stopped`() throws {
        let stopped = try (100..<130).filter { try run(UInt64($0), failing: 50, devices: 2000).status == .stopped }
        #expect(stopped.count <= 4, "\(stopped)")
    }

    @Test func `keeps its invariants with a seed that nobody chose`() throws {
        let seed = UInt64.random(in: 1000...999_999_999)
        print("note: rollout simulation with the random seed \(seed)")
        for failing in [0, 150, 250, 600] { _ = try run(seed, failing: failing) }
    }

    @Test func `runs the same way with the same seed`() throws {
        let first = try run(9, failing: 100)
        #expect(try run(9, failing: 100) == first)
        #expect(try run(10, failing: 100).trace != first.trace)
    }

    /// An invariant that cannot fail shows nothing.
    @Test(arguments: RolloutInvariant.allCases) func `finds what is broken on purpose`(_ invariant: RolloutInvariant)
        throws
    {
        let found = (1...8).compactMap { seed -> RolloutInvariant? in
            do {
                // What concerns stopping is seen where something stops.
                let stops = [.stopsByNumbers, .stoppedIsFinal].contains(invariant)
                _ = try run(
                    UInt64(seed), failing: stops ? 2000 : 20, devices: 3000, asleep: stops ? 3000 : 300,
                    broken: invariant)
                return nil
            } catch { return (error as? RolloutViolation)?.invariant }
        }
        #expect(found.contains(invariant), "\(found)")
    }
}
