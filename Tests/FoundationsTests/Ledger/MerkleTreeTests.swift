import Foundation
import Ledger
import Testing
import Wire

/// The eight leaves of RFC 6962's reference tests (STANDARDS.md §6).
private let eight = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
].map { Hex.decode($0)! }

@Suite struct `The tree of eight leaves` {
    @Test func `has the published roots at every size`() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        var frontier = Frontier()
        for size in 0...8 {
            let leaves = eight.prefix(size).map { MerkleTree.leafHash($0) }
            #expect(MerkleTree.root(of: Array(leaves)) == digest(roots[size]))
            #expect(frontier.head == TreeHead(size: Int64(size), root: digest(roots[size])))
            if size < 8 { frontier.append(MerkleTree.leafHash(eight[size])) }
        }
    }

    @Test func `has the published proofs`() throws {
        let (tiles, head) = try Tiles.append(leaves: eight.map { MerkleTree.leafHash($0) }, to: 0, reading: [:])
        let inclusion = try Tiles.inclusion(index: 5, size: 8, reading: tiles)
        #expect(
            inclusion.hashes == [
                digest("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
                digest("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                digest("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            ])
        try inclusion.verify(leafHash: MerkleTree.leafHash(eight[5]), root: head.root)
        #expect(
            try Tiles.consistency(from: 6, to: 8, reading: tiles).hashes == [
                digest("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
                digest("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                digest("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            ])
        #expect(
            try Tiles.consistency(from: 2, to: 5, reading: tiles).hashes == [
                digest("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                digest("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
            ])
    }

    @Test func `keeps leaves and nodes apart`() {
        let (left, right) = (MerkleTree.leafHash([1]), MerkleTree.leafHash([2]))
        #expect(MerkleTree.nodeHash(left, right) != MerkleTree.leafHash(left.bytes + right.bytes))
    }
}

@Suite struct `Another implementation of the tree` {
    /// PyPI pymerkle in the repository's own virtual environment (make install); skipped without it.
    static let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../.venv/bin/python3").path
    static let isThere =
        FileManager.default.isExecutableFile(atPath: python)
        && (try? run("import pymerkle")) != nil

    static func run(_ script: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", script]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refusal(.unavailable, "python", hint: "See stderr.") }
        return text
    }

    @Test(.enabled(if: isThere, "pymerkle is not installed in .venv"))
    func `computes the same roots up to 600 entries`() throws {
        let script = """
            from pymerkle import InmemoryTree
            tree = InmemoryTree(algorithm='sha256')
            for i in range(600):
                tree.append_entry(b'leaf %d' % i)
                print(tree.get_root().hex())
            """
        let theirs = try Self.run(script).split(separator: "\n").map { digest(String($0)) }
        var ours = Frontier()
        for (index, root) in theirs.enumerated() {
            ours.append(MerkleTree.leafHash(Array("leaf \(index)".utf8)))
            #expect(ours.head.root == root)
        }
        #expect(theirs.count == 600)
    }
}
