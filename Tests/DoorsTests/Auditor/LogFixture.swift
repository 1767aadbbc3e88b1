import Foundation
import Ledger
import Passport
import Testing
import Trust
import Wire

/// A log as files in a directory of its own, with the key that signs it; gone with the object.
final class LogFixture {
    let directory: URL
    let signer: NoteSigner
    private(set) var leaves: [[UInt8]] = []
    private var tiles: [TileID: [UInt8]] = [:]
    var key: VerifierKey { signer.verifierKey }
    var path: String { directory.path }
    var head: TreeHead {
        get throws {
            TreeHead(size: Int64(leaves.count), root: try Tiles.root(size: Int64(leaves.count), reading: tiles))
        }
    }

    /// - Parameter signer: another log's, for a second history under the same key.
    init(_ leaves: [[UInt8]], signer: NoteSigner? = nil) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("lifelong-\(UUID().uuidString)")
        self.signer = try signer ?? NoteSigner(name: "log.example/one", key: EphemeralKey(.ed25519))
        try append(leaves)
    }

    convenience init(counting count: Int) throws {
        try self.init((0..<count).map { Array("entry \($0)".utf8) })
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Grows the log and publishes it: bundles and tiles, then the checkpoint.
    func append(_ new: [[UInt8]]) throws {
        let old = leaves.count
        leaves += new
        let (changed, head) = try Tiles.append(
            leaves: new.map { MerkleTree.leafHash($0) }, to: Int64(old), reading: tiles)
        tiles.merge(changed) { $1 }
        for (id, bytes) in changed { try write(bytes, id.path(width: bytes.count / MerkleTree.hashBytes)) }
        for start in stride(from: old / 256 * 256, to: leaves.count, by: 256) {
            let entries = Array(leaves[start..<min(start + 256, leaves.count)])
            try write(EntryBundle.encode(entries), TilePath.entries(Int64(start / 256), width: entries.count).text)
        }
        try write(signer.checkpoint(head), "checkpoint")
    }

    /// The checkpoint that the log published, or would have published, at an earlier size.
    func checkpoint(at size: Int64? = nil) throws -> [UInt8] {
        let size = size ?? Int64(leaves.count)
        return try signer.checkpoint(TreeHead(size: size, root: Tiles.root(size: size, reading: tiles)))
    }

    func consistency(from old: Int64, to new: Int64) throws -> [Digest] {
        old > new ? [] : try Tiles.consistency(from: old, to: new, reading: tiles).hashes
    }

    func evidence(_ indices: [Int64]) throws -> [UInt8] {
        let items = try indices.map { index in
            (try Tiles.inclusion(index: index, size: Int64(leaves.count), reading: tiles), leaf: leaves[Int(index)])
        }
        return try CanonicalJSON.encode(Evidence(subject: nil, vkey: key, checkpoint: checkpoint(), entries: items))
    }

    func file(_ path: String) -> URL { directory.appendingPathComponent(path) }
    func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: file(path))) }
    func remove(_ path: String) throws { try FileManager.default.removeItem(at: file(path)) }

    func write(_ bytes: [UInt8], _ path: String) throws {
        try FileManager.default.createDirectory(
            at: file(path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file(path))
    }

    func flip(_ path: String, byte: Int, bit: Int = 0) throws {
        var content = try bytes(path)
        content[byte] ^= 1 << UInt8(bit)
        try write(content, path)
    }
}

/// A program of Python's standard library that serves HTTP on 127.0.0.1, on a port that it picks; ended with the
/// object.
final class PythonServer {
    private let process = Process()
    let url: String

    /// `python3 -m http.server` over a directory.
    convenience init(directory: URL) throws {
        try self.init(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", directory.path])
    }

    /// A program that prints "port N" first.
    convenience init(script: String) throws { try self.init(["-u", "-c", script]) }

    private init(_ arguments: [String]) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = ""
        while !line.hasSuffix("\n"), let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += String(decoding: byte, as: UTF8.self)
        }
        let port = try #require(line.firstMatch(of: /port (\d+)/)?.output.1)
        url = "http://127.0.0.1:\(port)"
    }

    deinit {
        // Children of a test process are born with SIGTERM blocked.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
