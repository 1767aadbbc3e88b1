import Foundation
import KeysFile
import Registry
import Store
import Testing
import Wire
import Workbench

/// What wraps the data keys of tenures: with another one in its place, everything that it wrapped is gone for ever.
@Suite struct `The key that wraps data keys` {
    private func reopened(_ bench: HouseBench) async throws -> HouseBench {
        try await HouseBench(continuing: bench, keys: FileKeyStore(folder: bench.folder + "/keys"))
    }

    @Test func `is made by the founding, and no other is made in its place while anything is wrapped under it`()
        async throws
    {
        let bench = try await HouseBench()
        let file = bench.folder + "/keys/tenure-wrapping.wrap"
        let key = try #require(FileManager.default.contents(atPath: file))
        // Nothing is wrapped yet: a house may lose it and start.
        try FileManager.default.removeItem(atPath: file)
        _ = try await reopened(bench)
        #expect(FileManager.default.contents(atPath: file).map { $0.count == 32 && $0 != key } == true)
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: try await bench.ownership())
        let inUse = try #require(FileManager.default.contents(atPath: file))
        try FileManager.default.removeItem(atPath: file)
        await #expect { _ = try await reopened(bench) } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .unavailable && refusal?.detail.contains("tenure-wrapping") == true
        }
        #expect(!FileManager.default.fileExists(atPath: file))
        // The server that runs makes none either.
        let other = try await bench.makeUnits(1, station: "line-2")[0]
        let ben = try await bench.ownership("Ben")
        await #expect { try await bench.pair(other, with: ben) } throws: { ($0 as? Refusal)?.code == .unavailable }
        #expect(!FileManager.default.fileExists(atPath: file))
        try inUse.write(to: URL(filePath: file))
        try await bench.pair(other, with: ben)
        _ = try await reopened(bench)
    }
}
