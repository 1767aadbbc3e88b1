import Mender
import Samples
import Server
import Use
import Wire

/// What Mender's clients send, and the artifacts that their makers upload.
extension FuzzTarget {
    static let mender = [
        FuzzTarget("mender-artifact", share: 50) { _ in
            var longer = SampleArtifact(payload: Array("another payload".utf8))
            longer.needs = #","artifact_name":["release-0"],"x":"y""#
            longer.sign = { Array($0.prefix(64)) }
            return [try SampleArtifact().bytes(), try longer.bytes()]
        } run: { bytes in
            func read(_ pieces: Int) -> ArtifactReader.Found? {
                var reader = ArtifactReader()
                do throws(Refusal) {
                    for start in stride(from: 0, to: bytes.count, by: pieces) {
                        try reader.take(Array(bytes[start..<min(start + pieces, bytes.count)]))
                    }
                    return try reader.finish()
                } catch {
                    return nil
                }
            }
            _ = ArtifactReader.isClaimed(by: bytes)
            let found = read(bytes.count + 1)
            promise(found == read(700), "mender-artifact: how it is cut makes a difference")
            guard let found else { return }
            promise(!found.artifact.deviceTypes.isEmpty, "mender-artifact: for no device")
            promise(
                found.artifact.misfit(["device_type": found.artifact.deviceTypes[0]], isWhole: false) == nil,
                "mender-artifact: unfit for its own device")
        },
        FuzzTarget("gzip") { _ in
            [Base64.decode("H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==") ?? []]
        } run: { bytes in
            guard let gunzip = try? Gunzip(limit: 100_000) else { return }
            var count = 0
            try? gunzip.take(bytes[...]) { (piece: ArraySlice<UInt8>) throws(Refusal) in count += piece.count }
            promise(count <= 100_000, "gzip: more than its bound")
        },
        FuzzTarget("manifest-signature") { _ in
            [[UInt8](repeating: 0x81, count: 64), [UInt8](repeating: 0, count: 64)]
        } run: { bytes in
            guard bytes.count == 64 else { return }
            let der = ManifestSignature.der(bytes)
            promise(der.count == Int(der[1]) + 2 && der.count <= 72, "manifest-signature: no DER")
        },
        FuzzTarget("mender-session") { _ in
            [Array("Bearer d-1.\(String(repeating: "0a", count: 32))".utf8), Array("Bearer x".utf8)]
        } run: { bytes in
            guard let shown = MenderAPI.session(text(bytes)) else { return }
            promise(text(bytes).contains(shown.device.text), "mender-session: another device")
        },
        message("mender-auth", MenderAuthRequest.self),
        message("mender-inventory", [MenderAttribute].self) {
            promise(MenderAttribute.all($0).count <= $0.count, "mender-inventory: invented attributes")
        },
        message("mender-next", MenderNext.self),
        message("mender-status", MenderStatus.self),
        message("mender-log", MenderLog.self) {
            promise($0.lines.count <= $0.messages.count, "mender-log: invented lines")
        },
    ]
}
