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

    @Test func `never takes a file that cannot be read for one that is not there`() throws {
        let store = try FileKeyStore(folder: folder)
        defer { try? files.removeItem(atPath: folder) }
        // Opening such a link fails (ELOOP) for everybody, root as well.
        for name in ["operational-1.key.pem", "operational-1.wrap"] {
            try files.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: name)
        }
        for attempt in [
            { _ = try store.find(label) }, { _ = try store.make(label, algorithm: .p256) },
            { _ = try store.findOrMake(label, algorithm: .p256) }, { try store.makeWrapping(label) },
            { _ = try store.wrap([1], under: label, context: []) },
        ] as [() throws -> Void] {
            #expect { try attempt() } throws: { ($0 as? Refusal)?.code == .unavailable }
        }
        for name in ["operational-1.key.pem", "operational-1.wrap"] {
            #expect(try files.destinationOfSymbolicLink(atPath: "\(folder)/\(name)") == name)
        }
    }

    @Test func `has no name given to a new file that another file has`() throws {
        defer { try? files.removeItem(atPath: folder) }
        _ = try FileKeyStore(folder: folder)
        let path = folder + "/file"
        #expect(try DurableFile.create([1, 2], at: path))
        #expect(try !DurableFile.create([3], at: path))
        #expect(try DurableFile.read(path, limit: 2) == [1, 2])
        #expect(throws: Refusal.self) { try DurableFile.read(path, limit: 1) }
        #expect(try DurableFile.read(folder + "/none", limit: 1) == nil)
        #expect(try files.contentsOfDirectory(atPath: folder).sorted() == ["README", "file"])
    }
}
