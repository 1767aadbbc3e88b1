import Auditor
import Foundation
import Ledger
import NIOHTTP1
import Passport
import Registry
import Server
import Store
import Testing
import Use
import Wire
import Workbench

@Suite struct `The published ledger` {
    private func head(_ door: DeviceBench) async throws -> TreeHead {
        let answer = try await door.anybody.get("/ledger/checkpoint")
        #expect(answer.status == 200 && answer.headers.first(name: "Content-Type") == "text/plain; charset=utf-8")
        return try Checkpoint(note: answer.body, key: door.bench.publisher.verifierKey).head
    }

    @Test func `shows a change within a second, and its key`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let key = try await door.anybody.get("/ledger/vkey").text
            #expect(key == "\(scene.bench.publisher.verifierKey)\n")
            for _ in 0..<3 {
                let before = try await head(door).size
                try await scene.quarantine()
                // A second at most on a quiet machine; the suites share its cores.
                let end = ContinuousClock.now + .seconds(4)
                while try await head(door).size <= before, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(try await head(door).size == before + 1)
                _ = try await scene.bench.house.perform(RestoreDevice(device: scene.unit.serial), as: .system)
                try await scene.bench.publisher.publish()
            }
        }
    }

    @Test func `is read as tiles and entry bundles, whole and partial, and never beyond its size`() async throws {
        let scene = try await DeviceScene()
        // Past the first full tile.
        try await scene.bench.house.change(as: .system) { change in
            for number in 0..<300 { try change.record(.tokenRevoked(person: .init(trusted: "p\(number)"))) }
        }
        try await DeviceBench.run(scene.bench) { door in
            let size = try await head(door).size
            #expect(size > 300 && size < 512)
            let width = size - 256
            let client = door.anybody
            func bytes(_ path: String) async throws -> [UInt8] {
                let answer = try await client.get("/ledger/\(path)")
                #expect(answer.status == 200, "\(path): \(answer.text)")
                #expect(answer.headers.first(name: "Cache-Control")?.contains("immutable") == true)
                return answer.body
            }
            let full = try await bytes("tile/0/000")
            #expect(full.count == 256 * 32)
            #expect(try await bytes("tile/0/001.p/\(width)").count == Int(width) * 32)
            #expect(try await bytes("tile/0/001.p/1").count == 32)
            #expect(try await bytes("tile/0/000.p/3") == Array(full.prefix(96)))
            #expect(try await bytes("tile/1/000.p/1").count == 32)
            let entries = try await bytes("tile/entries/000")
            let bundle = try EntryBundle.decode(entries, count: 256)
            #expect(MerkleTree.leafHash(bundle[7]).bytes == Array(full[(7 * 32)..<(8 * 32)]))
            #expect(
                try EntryBundle.decode(try await bytes("tile/entries/001.p/\(width)"), count: Int(width)).count
                    == Int(width))
            for missing in [
                "tile/0/001", "tile/0/001.p/\(width + 1)", "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2",
                "tile/2/000.p/1",
                "tile/entries/001", "tile/entries/002.p/1", "tile/0/x999/999/999",
                "tile/entries/x999/x999/x999/x999/x999/999", "tile/entries/x036/x028/x797/x018/x963/966",
                "tile/entries/x036/x028/x797/x018/x963/966.p/255", "tile/63/x036/x028/x797/x018/x963/966",
                "tile/63/000.p/1",
            ] { expectRefusal(try await client.get("/ledger/\(missing)"), 404) }
            for none in [
                "tile/0/0", "tile/0/1000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/007", "tile/-1/000",
                "tile/64/000",
                "tile/0/x000", "tile/0", "tile", "tile/0/000/..", "tile/0/\(String(repeating: "x001/", count: 60))001",
                "nothing",
            ] { expectRefusal(try await client.get("/ledger/\(none)"), 404) }
        }
    }

    @Test func `is verified by a stranger, as it grows`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let key = scene.bench.publisher.verifierKey
            let early = try await door.anybody.get("/ledger/checkpoint").body
            try await scene.bench.house.change(as: .system) { change in
                for number in 0..<300 { try change.record(.tokenRevoked(person: .init(trusted: "p\(number)"))) }
            }
            try await scene.bench.publisher.publish()
            let prefix = "\(door.open)/ledger"
            let late = try await door.anybody.get("/ledger/checkpoint").body
            let (log, consistency) = try await WebLog.with(prefix: prefix) { source in
                (
                    try await VerifyLog.run(source, key: key),
                    try await VerifyConsistency.run(old: early, new: late, key: key, tiles: source)
                )
            }
            #expect(log.verified && log.findings.isEmpty && log.entriesRead == log.head?.size, "\(log.lines)")
            #expect(consistency.verified, "\(consistency.lines)")
        }
    }

    @Test func `has a log beside the registry that the audit agrees with`() async throws {
        let scene = try await DeviceScene()
        try await scene.bench.publisher.publish()
        let report = try await Audit.run(scene.bench.house.database)
        #expect(report.findings.isEmpty && report.devices == 1, "\(report.findings)")
    }
}
