import Foundation
import Glibc
import Keys
import KeysFile
import Testing
import Trust
import Wire

/// What keys as files have to look after themselves: a process that is killed while it writes one.
@Suite struct `A folder of keys` {
    private let folder = NSTemporaryDirectory() + "/lifelong-key-folder-\(UUID().uuidString)"
    private let label = KeyLabel(trusted: "operational-1")
    private var files: FileManager { .default }

    /// As a kill leaves it: one key that was made, and three files that were never renamed.
    private func leave() throws -> [String] {
        let store = try FileKeyStore(folder: folder)
        _ = try store.make(label, algorithm: .p256)
        let left = ["operational-2.key.pem.new", "operational-1.key.pem.new", "data.wrap.new"].map { folder + "/" + $0 }
        for path in left { try Data("-----BEGIN PRIVATE KEY-----".utf8).write(to: URL(filePath: path)) }
        return left
    }

    @Test func `has nothing left of a write that was cut once it is opened again`() throws {
        let left = try leave()
        defer { try? files.removeItem(atPath: folder) }
        let store = try FileKeyStore(folder: folder)
        #expect(left.filter { files.fileExists(atPath: $0) }.isEmpty)
        #expect(try store.labels() == [label])
        #expect(try store.find(label) != nil)
    }

    @Test func `is not swept while another process writes in it`() throws {
        let left = try leave()
        defer { try? files.removeItem(atPath: folder) }
        let other = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(other >= 0 && flock(other, LOCK_EX) == 0)
        _ = try FileKeyStore(folder: folder)
        #expect(left.allSatisfy { files.fileExists(atPath: $0) })
        close(other)
        _ = try FileKeyStore(folder: folder)
        #expect(left.filter { files.fileExists(atPath: $0) }.isEmpty)
    }

    @Test func `keeps nothing of a key that could not get its name`() throws {
        let store = try FileKeyStore(folder: folder)
        defer { try? files.removeItem(atPath: folder) }
        try files.createDirectory(atPath: folder + "/operational-1.key.pem", withIntermediateDirectories: false)
        #expect(throws: Refusal.self) { try store.make(label, algorithm: .p256) }
        #expect(!files.fileExists(atPath: folder + "/operational-1.key.pem.new"))
    }
}
