import Agent
import Foundation
import Testing
import Wire

/// What the agent's state rests on holds on the real disk and on the one of the tests.
@Suite struct `A disk of the agent` {
    private static func each(_ body: (any Disk, String) throws -> Void) throws {
        try body(MemoryDisk(), "/home")
        let folder = NSTemporaryDirectory() + "disk-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(PosixDisk(), folder)
    }

    @Test func `reads what was written, from anywhere and no more than asked for`() throws {
        try Self.each { disk, folder in
            try disk.makeFolder(folder)
            let path = folder + "/file"
            #expect(try disk.read(path, from: 0, limit: 10) == nil)
            #expect(try disk.size(of: path) == nil)
            try disk.create(path)
            #expect(try disk.read(path, from: 0, limit: 10) == [])
            try disk.append([1, 2, 3], to: path)
            try disk.append([4, 5], to: path)
            #expect(try disk.read(path, from: 1, limit: 3) == [2, 3, 4])
            #expect(try disk.read(path, from: 9, limit: 3) == [])
            #expect(try disk.size(of: path) == 5)
            try disk.truncate(path, to: 2)
            try disk.sync(path)
            #expect(try disk.readWhole(path) == [1, 2])
            #expect(throws: Refusal.self) { try disk.readWhole(path, limit: 1) }
            try disk.create(path)
            #expect(try disk.size(of: path) == 0)
        }
    }

    @Test func `renames over what is there, lists and removes`() throws {
        try Self.each { disk, folder in
            try disk.makeFolder(folder + "/inner")
            try disk.write([1], to: folder + "/inner/a")
            try disk.write([2], to: folder + "/inner/b")
            try disk.rename(folder + "/inner/a", to: folder + "/inner/b")
            #expect(try disk.names(in: folder + "/inner") == ["b"])
            #expect(try disk.readWhole(folder + "/inner/b") == [1])
            #expect(throws: Refusal.self) { try disk.rename(folder + "/inner/a", to: folder + "/inner/c") }
            #expect(throws: Refusal.self) { try disk.append([1], to: folder + "/inner/a") }
            try disk.erase(folder + "/inner/a")
            try disk.erase(folder + "/inner/b")
            #expect(try disk.names(in: folder + "/inner").isEmpty)
            try disk.write([1], to: folder + "/inner/a")
            try disk.removeFolder(folder + "/inner")
            try disk.removeFolder(folder + "/inner")
            #expect(try disk.names(in: folder + "/inner").isEmpty)
        }
    }

    @Test func `turns a link in one step`() throws {
        try Self.each { disk, folder in
            try disk.makeFolder(folder + "/a")
            try disk.makeFolder(folder + "/b")
            try disk.write([1], to: folder + "/a/image")
            try disk.write([2], to: folder + "/b/image")
            #expect(try disk.target(of: folder + "/active") == nil)
            try disk.relink(folder + "/active", to: "a")
            #expect(try disk.readWhole(folder + "/active/image") == [1])
            try disk.relink(folder + "/active", to: "b")
            #expect(try disk.target(of: folder + "/active") == "b")
            #expect(try disk.readWhole(folder + "/active/image") == [2])
            #expect(try disk.size(of: folder + "/active") == nil)
        }
    }

    @Test func `keeps its files from others, and does not write through a link`() throws {
        let folder = NSTemporaryDirectory() + "disk-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = PosixDisk()
        try disk.makeFolder(folder)
        try disk.write([1], to: folder + "/file")
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(folder) == 0o700)
        #expect(try mode(folder + "/file") == 0o600)
        try disk.link("file", at: folder + "/link")
        #expect(throws: Refusal.self) { try disk.create(folder + "/link") }
        #expect(throws: Refusal.self) { try disk.append([2], to: folder + "/link") }
        #expect(try disk.readWhole(folder + "/file") == [1])
    }
}
