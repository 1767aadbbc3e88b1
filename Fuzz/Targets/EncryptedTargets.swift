import Release
import Trust
import Wire

/// Small seeds for what reads encrypted releases.
private enum EncryptedSeeds {
    static let key = [UInt8](repeating: 9, count: EncryptedArtifact.keyBytes)
    static let plain = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    static func stored() throws -> [UInt8] {
        var sealer = try ChunkSealer(key: key, size: plain.count)
        var (stored, rest): ([UInt8], ArraySlice<UInt8>) = ([], plain[...])
        while sealer.next > 0 {
            let next = sealer.next
            stored += try sealer.seal(Array(rest.prefix(next)))
            rest = rest.dropFirst(next)
        }
        return stored
    }

    /// The first entry of an archive.
    static let archive: [UInt8] = {
        let text = "a: \"aes-key\""
        let zeros = Array(repeating: "00000000", count: 4)
        var numbers = ["00000007", "000081A4"]
        for more in [zeros, ["0000000C"], zeros, ["0000000F", "00000000"]] { numbers += more }
        return Array(("070701" + numbers.joined() + "sw-description").utf8) + [0, 0, 0, 0] + Array(text.utf8)
    }()

    private static func der(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
        let content = Array(parts.joined())
        return [tag] + (content.count < 128 ? [UInt8(content.count)] : [0x81, UInt8(content.count)]) + content
    }

    /// SignedData that nobody signed, around a manifest.
    static let message = der(
        0x30, [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02],
        der(
            0xa0,
            der(
                0x30, [0x02, 0x01, 0x01], [0x31, 0x00],
                der(
                    0x30, [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01],
                    der(0xa0, der(0x04, Array("[update]\nversion=1\n[bundle]\nformat = crypt\n".utf8)))))))
}

extension FuzzTarget {
    static let encrypted = [
        FuzzTarget("rauc-bundle") { _ in
            [EncryptedSeeds.message, RAUCBundle.end(EncryptedSeeds.message)]
        } run: { bytes in
            if let content = try? SignedContent.read(bytes) {
                promise(content.count < bytes.count, "rauc-bundle: more content than there is")
            }
            try? RAUCBundle.demandCrypt(bytes)
            let trailer = Array(bytes.suffix(RAUCBundle.trailerBytes))
            if let range = RAUCBundle.message(in: 4096 + bytes.count, trailer: trailer) {
                promise(range.upperBound + RAUCBundle.trailerBytes == 4096 + bytes.count, "rauc-bundle: not at the end")
                promise(range.lowerBound > 0, "rauc-bundle: no payload")
            }
        },
        FuzzTarget("encrypted-artifact", share: 20) { _ in
            [try EncryptedSeeds.stored(), Array(try EncryptedSeeds.stored().prefix(2000))]
        } run: { bytes in
            let plain = EncryptedSeeds.plain
            for offset in [0, 1000, 2999] {
                guard var opener = try? ChunkOpener(key: EncryptedSeeds.key, size: plain.count, from: offset) else {
                    return promise(false, "encrypted-artifact: not opened")
                }
                var found: [UInt8] = []
                try? opener.take(Array(bytes.dropFirst(opener.start))) { found += $0 }
                promise(
                    found.elementsEqual(plain[offset..<min(plain.count, offset + found.count)]),
                    "encrypted-artifact: a byte that nobody encrypted")
                if (try? opener.finish()) != nil {
                    promise(offset + found.count == plain.count, "encrypted-artifact: not whole")
                }
            }
        },
        FuzzTarget("swupdate-archive") { _ in
            [EncryptedSeeds.archive, EncryptedSeeds.archive + EncryptedSeeds.archive]
        } run: { bytes in
            guard SWUpdateArchive.begins(bytes), let count = try? SWUpdateArchive.headBytes(bytes) else { return }
            let head = Array(bytes.prefix(count))
            try? SWUpdateArchive.demand(head, before: Array(bytes.dropFirst(count)))
            guard (try? SWUpdateArchive.content(of: head)) != nil else { return }
            let made = try? SWUpdateArchive.head(head, carrying: [1, 2, 3])
            promise(
                made.flatMap { try? SWUpdateArchive.content(of: $0) } == [1, 2, 3], "swupdate-archive: another content")
        },
        FuzzTarget("envelope-recipient", share: 10) { seeds in
            [seeds.leaf, seeds.serverLeaf]
        } run: { bytes in
            guard let recipient = try? EnvelopeRecipient(certificate: bytes), recipient.isRepeatable else { return }
            let seed = [UInt8](repeating: 1, count: EnvelopedData.seedBytes)
            let one = try? EnvelopedData.encode([1, 2, 3], for: recipient, seed: seed)
            promise(one != nil, "envelope-recipient: no envelope for a key that was taken")
            promise(
                one == (try? EnvelopedData.encode([1, 2, 3], for: recipient, seed: seed)),
                "envelope-recipient: two of one seed")
        },
    ]
}
