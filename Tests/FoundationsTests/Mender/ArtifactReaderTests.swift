import Crypto
import CryptoExtras
import Foundation
import Mender
import Samples
import Testing
import Trust
import Wire

@Suite struct `A Mender artifact` {
    private func read(_ bytes: [UInt8], pieces: Int = .max) throws(Refusal) -> ArtifactReader.Found {
        var reader = ArtifactReader()
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieces)
            rest = rest.dropFirst(piece.count)
            try reader.take(Array(piece))
        }
        return try reader.finish()
    }

    private func expect(
        _ rule: String, _ parts: [SampleTar.File], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        refused(SampleTar.write(parts), rule, sourceLocation)
    }

    private func refused(_ bytes: [UInt8], _ rule: String?, _ location: SourceLocation) {
        do throws(Refusal) {
            _ = try read(bytes)
            Issue.record("it was taken", sourceLocation: location)
        } catch {
            #expect(error.rule == rule, "\(error)", sourceLocation: location)
        }
    }

    @Test func `says the same in whatever pieces it comes`() throws {
        var sample = SampleArtifact(payload: (0..<3000).map { UInt8(truncatingIfNeeded: $0) })
        sample.needs = #","artifact_name":["release-0","release-1"],"artifact_group":"g""#
        sample.sign = { _ in [1, 2, 3] }
        let bytes = try sample.bytes()
        let found = try read(bytes)
        #expect(
            found.artifact
                == MenderArtifact(
                    name: "release-1", deviceTypes: ["board-a"],
                    needs: ["artifact_name": ["release-0", "release-1"], "artifact_group": ["g"]],
                    provides: ["rootfs-image.single-file.version": "release-1"], payloads: ["single-file"]))
        #expect(found.manifest.signature == [1, 2, 3])
        for pieces in [1, 7, 511, 512, 513, 4096] { #expect(try read(bytes, pieces: pieces) == found) }
    }

    @Test func `is refused with a byte changed anywhere, or says the same`() throws {
        let bytes = try SampleArtifact().bytes()
        let found = try read(bytes)
        var refusals = 0
        for place in stride(from: 0, to: bytes.count, by: 3) {
            var changed = bytes
            changed[place] ^= 0x11
            do throws(Refusal) { #expect(try read(changed) == found, "byte \(place)") } catch { refusals += 1 }
        }
        #expect(refusals > 300)
    }

    @Test func `is refused when it ends too early`() throws {
        let bytes = try SampleArtifact().bytes()
        for end in stride(from: 0, to: bytes.count - 1024, by: 256) {
            #expect(throws: Refusal.self, "\(end) bytes") { try read(Array(bytes.prefix(end))) }
        }
        #expect(throws: Refusal.self) { try read(bytes + [1]) }
        _ = try read(bytes + [UInt8](repeating: 0, count: 9000))
    }

    @Test func `has its parts in their order, each once, and no others`() throws {
        let parts = try SampleArtifact().parts()
        let (version, manifest, header, data) = (parts[0], parts[1], parts[2], parts[3])
        expect("mender: order", [manifest, version, header, data])
        expect("mender: order", [version, version, manifest, header, data])
        expect("mender: order", [version, manifest, data, header])
        expect("mender: order", [version, manifest, header, header, data])
        expect("mender: order", [version, manifest, header, data, data])
        expect("mender: order", [version, manifest, header, ("data/0001.tar", data.bytes)])
        expect("mender: order", [version, header, data])
        expect("mender: end", [version, manifest])
        expect("mender: end", [version, manifest, header])
        expect("mender: part", [version, manifest, header, data, ("more", [])])
        expect("mender: augment", [version, manifest, ("manifest-augment", []), header, data])
        expect("mender: augment", [version, manifest, header, ("header-augment.tar.gz", []), data])
        expect("mender: compression", [version, manifest, ("header.tar.xz", header.bytes), data])
        expect("mender: compression", [version, manifest, header, ("data/0000.tar.zst", data.bytes)])
        expect("mender: sig", [version, manifest, ("manifest.sig", Array("!".utf8)), header, data])
        expect(
            "mender: size", [version, manifest, ("manifest.sig", [UInt8](repeating: 65, count: 70_000)), header, data])
        expect("mender: end", [version, manifest, header, ("data/0000.tar", Array(data.bytes.dropLast(1024)))])
        expect("RFC 1952", [version, manifest, header, ("data/0000.tar.gz", data.bytes)])
    }

    @Test func `has exactly the files that its manifest lists, as it lists them`() throws {
        let parts = try SampleArtifact().parts()
        let text = String(decoding: parts[1].bytes, as: UTF8.self)
        func with(_ manifest: String) -> [SampleTar.File] {
            [parts[0], ("manifest", Array(manifest.utf8)), parts[2], parts[3]]
        }
        func with(payload: [SampleTar.File]) -> [SampleTar.File] {
            [parts[0], parts[1], parts[2], ("data/0000.tar", SampleTar.write(payload))]
        }
        let other = String(repeating: "0", count: 64)
        expect("mender: manifest", with(text + "\(other)  data/0000/more.bin\n"))
        expect("mender: manifest", with(text + text))
        expect("mender: manifest", with(text.replacingOccurrences(of: "  ", with: " ")))
        expect("mender: manifest", with("x" + text))
        expect("mender: manifest", with(text.replacingOccurrences(of: "image.bin", with: "other.bin")))
        expect("mender: checksum", with(payload: [("image.bin", Array("Payload".utf8))]))
        expect("mender: manifest", with(payload: []))
        expect("mender: manifest", with(payload: [("image.bin", Array("payload".utf8)), ("more.bin", [])]))
        expect(
            "mender: manifest",
            with(payload: [("image.bin", Array("payload".utf8)), ("image.bin", Array("payload".utf8))]))
        for name in ["../image.bin", "/image.bin", "a/../image.bin", "", "a//b", "im\u{7}age"] {
            expect("tar: name", with(payload: [(name, Array("payload".utf8))]))
        }
        // The header is another one than was listed.
        var better = SampleArtifact()
        better.name = "release-2"
        let foreign = try better.parts()[2]
        expect("mender: checksum", [parts[0], parts[1], foreign, parts[3]])
    }

    @Test func `says of itself what a device has to know`() throws {
        func refused(_ rule: String?, _ change: (inout SampleArtifact) -> Void) throws {
            var sample = SampleArtifact()
            change(&sample)
            self.refused(try sample.bytes(), rule, #_sourceLocation)
        }
        try refused("mender: version") { $0.version = #"{"format":"mender","version":2}"# }
        try refused("mender: version") { $0.version = #"{"format":"other","version":3}"# }
        try refused(nil) { $0.version = "3" }
        try refused("mender: header device_type") { $0.deviceTypes = [] }
        try refused("mender: header text") { $0.deviceTypes = [""] }
        try refused("mender: header text") { $0.name = String(repeating: "n", count: 300) }
        try refused("mender: header text") { $0.name = #"a\u0000b"# }
        try refused(nil) { $0.needs = #","x":7"# }
        try refused(nil) { $0.needs = #","x""# }
    }

    @Test func `has a header that begins with header-info and holds nothing strange`() throws {
        let sample = SampleArtifact()
        func expect(_ rule: String, _ files: [SampleTar.File], sourceLocation: SourceLocation = #_sourceLocation) throws
        {
            let header = SampleTar.write(files)
            var parts = try sample.parts()
            let digest = Wire.Digest(SHA256.hash(data: header))
            let lines = String(decoding: parts[1].bytes, as: UTF8.self).split(separator: "\n").map {
                $0.hasSuffix("  header.tar") ? "\(digest)  header.tar" : String($0)
            }
            parts[1].bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            parts[2].bytes = header
            self.expect(rule, parts, sourceLocation: sourceLocation)
        }
        let (info, type) = (sample.header[0], sample.header[1])
        try expect("mender: header order", [type, info])
        try expect("mender: header order", [info, info, type])
        try expect("mender: header order", [info, type, type])
        try expect("mender: header type-info", [info])
        try expect("mender: header type-info", [info, (type.name, Array(#"{"type":"other"}"#.utf8))])
        try expect("mender: header file", [info, type, ("headers/0001/type-info", type.bytes)])
        try expect("mender: header file", [info, type, ("headers/0000/else", [])])
        try expect("mender: header file", [info, ("etc/passwd", []), type])
        try expect("mender: header end", [])
    }

    @Test func `is for devices that are and have what it needs`() {
        let artifact = MenderArtifact(
            name: "r", deviceTypes: ["a", "b"], needs: ["artifact_name": ["r0"]], provides: [:], payloads: [])
        func fits(_ said: [String: String], whole: Bool) -> Bool { artifact.misfit(said, isWhole: whole) == nil }
        #expect(fits(["device_type": "b", "artifact_name": "r0"], whole: true))
        #expect(!fits(["device_type": "c", "artifact_name": "r0"], whole: true))
        #expect(!fits(["device_type": "a", "artifact_name": "r9"], whole: false))
        #expect(!fits(["device_type": "a"], whole: true) && fits(["device_type": "a"], whole: false))
        #expect(!fits(["artifact_name": "r0"], whole: false))
    }

    @Test func `is signed by one of the keys, over exactly its manifest`() throws {
        let (p256, ed, p384) = (P256.Signing.PrivateKey(), EphemeralKey(.ed25519), EphemeralKey(.p384))
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let (p256Key, rsaKey) = (Array(p256.publicKey.derRepresentation), Array(rsa.publicKey.derRepresentation))
        let signers: [(key: [UInt8], sign: @Sendable ([UInt8]) throws -> [UInt8])] = [
            (p256Key, { Array(try p256.signature(for: $0).rawRepresentation) }),
            (
                rsaKey,
                { Array(try rsa.signature(for: SHA256.hash(data: $0), padding: .insecurePKCS1v1_5).rawRepresentation) }
            ),
            (ed.publicKeyDER, { try ed.signature(over: $0) }),
        ]
        for (number, signer) in signers.enumerated() {
            var sample = SampleArtifact()
            sample.sign = signer.sign
            let manifest = try read(sample.bytes()).manifest
            try manifest.demand(signedByOneOf: signers.map(\.key))
            #expect(throws: Refusal.self, "\(number)") {
                try manifest.demand(signedByOneOf: signers.map(\.key).filter { $0 != signer.key } + [p384.publicKeyDER])
            }
            let other = SignedManifest(bytes: manifest.bytes + [10], signature: manifest.signature)
            #expect(throws: Refusal.self) { try other.demand(signedByOneOf: [signer.key]) }
            let cut = Array((manifest.signature ?? []).dropLast())
            let wrongs: [[UInt8]] = [[], [0], [UInt8](repeating: 0, count: 64), cut]
            for wrong in wrongs {
                let broken = SignedManifest(bytes: manifest.bytes, signature: wrong)
                #expect(throws: Refusal.self) { try broken.demand(signedByOneOf: [signer.key]) }
            }
        }
        for signer in signers { try ManifestSignature.demandUsable(signer.key) }
        let p521 = Array(P521.Signing.PrivateKey().publicKey.derRepresentation)
        let others: [[UInt8]] = [p384.publicKeyDER, p521, []]
        for other in others { #expect(throws: Refusal.self) { try ManifestSignature.demandUsable(other) } }
        let unsigned = try read(SampleArtifact().bytes()).manifest
        #expect(throws: Refusal.self) { try unsigned.demand(signedByOneOf: signers.map(\.key)) }
    }

    @Test func `has archives of plain files, with long names if need be`() throws {
        func parse(_ bytes: [UInt8]) throws(Refusal) -> [String] {
            var (tar, rest, names) = (TarStream(), bytes[...], [String]())
            while let part = try tar.next(&rest) { if case .file(let name, _) = part { names.append(name) } }
            guard tar.isOver else { throw Refusal(.malformed, "It ends.", hint: "", rule: "end") }
            return names
        }
        func rule(_ bytes: [UInt8]) -> String? {
            do throws(Refusal) {
                _ = try parse(bytes)
                return "taken"
            } catch { return error.rule }
        }
        let long = String(repeating: "l", count: 200)
        let end = [UInt8](repeating: 0, count: 1024)
        let record = "210 path=\(long)\n"
        #expect(record.utf8.count == 210)
        let pax = SampleTar.entry("pax", Array(record.utf8), kind: "x")
        #expect(try parse(pax + SampleTar.entry("short", [1]) + end) == [long])
        #expect(try parse(SampleTar.entry("folder", [], kind: "5") + SampleTar.entry("a", []) + end) == ["a"])
        for kind: Character in ["1", "2", "3", "L", "g", "7"] {
            #expect(rule(SampleTar.entry("a", [], kind: kind) + end) == "tar: type", "\(kind)")
        }
        #expect(rule(pax + pax + end) == "tar: pax")
        #expect(rule(pax + end) == "tar: end")
        for bad in ["9 path=x", "99999 path=x\n", "x path=x\n", "8 path x\n", "12 size=ten\n"] {
            #expect(
                rule(SampleTar.entry("p", Array(bad.utf8), kind: "x") + SampleTar.entry("a", []) + end) == "tar: pax",
                "\(bad)")
        }
        var wrong = SampleTar.entry("a", [])
        wrong[0] = 98
        #expect(rule(wrong + end) == "tar: checksum")
        wrong = SampleTar.entry("a", [])
        wrong[130] = 57
        #expect(rule(wrong + end) == "tar: number" || rule(wrong + end) == "tar: checksum")
        wrong[257] = 0
        #expect(rule(wrong + end) == "tar: ustar")
    }

    @Test func `is unpacked no further than its bound`() throws {
        let hello = try #require(Base64.decode("H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA=="))
        /// Ten thousand zeros.
        let zeros = try #require(
            Base64.decode(
                "H4sIAAAAAAACA+3BAQ0AAADCoPdPbQ43oAAAAAAAAAAAAODfAC7KO00QJwAA"))
        func unpack(_ bytes: [UInt8], limit: Int, pieces: Int = 1000) throws(Refusal) -> [UInt8] {
            let gunzip = try Gunzip(limit: limit)
            var out: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                try gunzip.take(bytes[start..<min(start + pieces, bytes.count)]) {
                    (piece: ArraySlice<UInt8>) throws(Refusal) in out += piece
                }
            }
            try gunzip.finish()
            return out
        }
        for pieces in [1, 3, 1000] {
            #expect(try unpack(hello, limit: 5, pieces: pieces) == Array("hello".utf8))
            #expect(try unpack(zeros, limit: 10_000, pieces: pieces) == [UInt8](repeating: 0, count: 10_000))
            #expect(throws: Refusal.self) { try unpack(zeros, limit: 9_999, pieces: pieces) }
        }
        // Two members one after the other are one file (RFC 1952 §2.2).
        #expect(try unpack(hello + hello, limit: 10) == Array("hellohello".utf8))
        for end in 1..<hello.count { #expect(throws: Refusal.self) { try unpack(Array(hello.prefix(end)), limit: 99) } }
        #expect(throws: Refusal.self) { try unpack(hello + [7], limit: 99) }
        #expect(throws: Refusal.self) { try unpack(hello.dropLast(5) + [1, 0, 0, 0, 0], limit: 99) }
    }
}
