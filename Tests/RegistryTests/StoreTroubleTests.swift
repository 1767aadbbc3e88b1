import Foundation
import GRDB
import Passport
import Registry
import Store
import StoreSQLite
import Testing
import Wire
import Workbench

/// A small file system in memory, if this machine lets the test mount one.
private final class SmallDisk: Sendable {
    let path: String

    init?(megabytes: Int) async throws {
        path = NSTemporaryDirectory() + "/lifelong-small-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let made = try await OutsideProgram.run(
            "mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path], in: NSTemporaryDirectory())
        guard made.status == 0 else {
            print("notice: no file system can be mounted here; the test of a full disk is left out: \(made.errors)")
            return nil
        }
    }

    func end() async throws {
        _ = try await OutsideProgram.run("umount", ["-l", path], in: NSTemporaryDirectory())
        try? FileManager.default.removeItem(atPath: path)
    }
}

@Suite struct `Trouble with the database` {
    private func event(_ number: Int) -> Event { .tokenRevoked(person: .init(trusted: "p\(number)")) }

    private func size(_ house: House) async throws -> Int {
        try await house.read { rows in try rows.first("SELECT size FROM ledger_size")?.int("size") ?? -1 }
    }

    /// GRDB sets NORMAL when it turns the write-ahead log on: a commit would then return before its sync.
    @Test func `never begins with commits that are not synced`() async throws {
        let path = NSTemporaryDirectory() + "/synced-\(UUID().uuidString).db"
        defer { for part in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + part) } }
        let database = try SQLiteDatabase(path: path, migrations: Schema.migrations)
        // 2 is FULL.
        #expect(try await database.write { try $0.first("PRAGMA synchronous")?.int("synchronous") } == 2)
        try database.close()
    }

    @Test func `on a full disk refuses, does nothing by halves, and goes on when there is space`() async throws {
        guard let disk = try await SmallDisk(megabytes: 4) else { return }
        do {
            let bench = try await CountingHouse(store: disk.path)
            let filler = disk.path + "/filler"
            let before = try await size(bench.house)
            _ = FileManager.default.createFile(atPath: filler, contents: nil)
            let handle = try FileHandle(forWritingTo: URL(filePath: filler))
            // Fills what is left, to the last byte.
            for piece in [65_536, 4096, 512, 1] {
                while (try? handle.write(contentsOf: Data(count: piece))) != nil {}
            }
            var kept = 0
            var refusal: Refusal?
            for number in 0..<200 where refusal == nil {
                do {
                    _ = try await bench.house.change(as: .system) { change in
                        for part in 0..<20 { try change.record(event(number * 100 + part)) }
                    }
                    kept += 20
                } catch let error as Refusal {
                    refusal = error
                }
            }
            #expect(refusal?.code == .unavailable && refusal?.httpStatus == 503, "\(String(describing: refusal))")
            #expect(refusal?.retryAfterSeconds != nil && refusal?.hint.isEmpty == false)
            #expect(try await size(bench.house) == before + kept)
            let audited = try await Audit.run(bench.database)
            #expect(audited.findings.isEmpty, "\(audited.findings)")

            try handle.close()
            try FileManager.default.removeItem(atPath: filler)
            _ = try await bench.house.change(as: .system) { try $0.record(event(1)) }
            #expect(try await size(bench.house) == before + kept + 1)
        }
        try await disk.end()
    }

    @Test func `that another program has locked is a refusal within bounds, and passes`() async throws {
        // On PostgreSQL others wait for a lock of rows, not of the whole database (PostgreSQLTroubleTests).
        let bench = try await CountingHouse(isFile: true)
        // It holds the lock over several of its accesses.
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: bench.folder + "/lifelong.db", configuration: configuration)
        let before = try await size(bench.house)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let start = ContinuousClock.now
        await #expect { _ = try await bench.house.change(as: .system) { try $0.record(event(1)) } } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .unavailable && refusal?.retryAfterSeconds != nil
                && refusal?.detail.contains("locked") == true
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        // Reading goes on meanwhile.
        #expect(try await size(bench.house) == before)
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        _ = try await bench.house.change(as: .system) { try $0.record(event(2)) }
        #expect(try await size(bench.house) == before + 1)
        try other.close()
    }
}
