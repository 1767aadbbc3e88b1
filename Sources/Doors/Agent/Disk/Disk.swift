import Wire

/// The file operations that the agent's state rests on, so few that a test can cut the power at each of them.
///
/// Contract: bytes are durable after `sync` of their file; a new name, a rename and a removal after `syncFolder` of the
/// folder they happened in; `rename` replaces the target in one step. Folders are 0700, files 0600. Whatever fails,
/// throws a `Refusal`.
package protocol Disk: Sendable {
    /// Makes the folder and those above it. No error if it is there.
    func makeFolder(_ path: String) throws
    /// At most `limit` bytes from `offset`; nil if there is no such file.
    func read(_ path: String, from offset: Int, limit: Int) throws -> [UInt8]?
    /// Size in bytes; nil if there is no such file.
    func size(of path: String) throws -> Int?
    /// Names in a folder, sorted; empty if there is no such folder.
    func names(in folder: String) throws -> [String]
    /// An empty file, in place of any that is there.
    func create(_ path: String) throws
    func append(_ bytes: [UInt8], to path: String) throws
    /// Bytes in place of those that are there, in a file or on a block device; makes nothing.
    func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws
    func truncate(_ path: String, to size: Int) throws
    func sync(_ path: String) throws
    func syncFolder(_ path: String) throws
    func rename(_ from: String, to: String) throws
    /// Removes a file or symbolic link. No error if there is none.
    func remove(_ path: String) throws
    /// A symbolic link at `path`.
    func link(_ target: String, at path: String) throws
    /// Where a symbolic link points; nil if there is none.
    func target(of path: String) throws -> String?
    /// Removes a folder and all in it. No error if there is none.
    func removeFolder(_ path: String) throws
}

extension Disk {
    /// A whole small file; refuses one above `limit` bytes.
    package func readWhole(_ path: String, limit: Int = 4 << 20) throws -> [UInt8]? {
        guard let bytes = try read(path, from: 0, limit: limit + 1) else { return nil }
        guard bytes.count <= limit else {
            throw Refusal(
                .tooLarge, "The file \(path) has more than \(limit) bytes.", hint: "Look into it, and move it away.")
        }
        return bytes
    }

    /// After a power cut there is the old file or the new one, never a mixture.
    package func write(_ bytes: [UInt8], to path: String) throws {
        let fresh = path + ".new"
        try create(fresh)
        try append(bytes, to: fresh)
        try sync(fresh)
        try rename(fresh, to: path)
        try syncFolder(folder(of: path))
    }

    package func write(_ value: some Encodable, as path: String) throws {
        try write(try CanonicalJSON.encode(value) + [10], to: path)
    }

    package func read<T: Decodable>(_ type: T.Type, from path: String) throws -> T? {
        guard let bytes = try readWhole(path) else { return nil }
        do {
            return try CanonicalJSON.decode(type, from: bytes, limit: 4 << 20)
        } catch {
            throw Refusal(
                .unavailable, "The file \(path) is broken: \(error.detail)",
                hint: "Restore it, or move it away if the device may start that part anew.")
        }
    }

    /// Points the link at `path` elsewhere in one durable step.
    package func relink(_ path: String, to target: String) throws {
        let fresh = path + ".new"
        try remove(fresh)
        try link(target, at: fresh)
        try rename(fresh, to: path)
        try syncFolder(folder(of: path))
    }

    /// Removes the file, durably.
    package func erase(_ path: String) throws {
        guard try size(of: path) != nil || target(of: path) != nil else { return }
        try remove(path)
        try syncFolder(folder(of: path))
    }

    package func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
