import Crypto
import Wire

/// A tar archive, as ustar has it.
package enum SampleTar {
    package typealias File = (name: String, bytes: [UInt8])

    package static func write(_ files: [File]) -> [UInt8] {
        files.flatMap { entry($0.name, $0.bytes) } + [UInt8](repeating: 0, count: 1024)
    }

    /// - Parameters:
    ///   - kind: "0" of a file, "5" of a folder, "x" of an extended header.
    ///   - change: of the header, before its sum is put in.
    package static func entry(
        _ name: String, _ bytes: [UInt8], kind: Character = "0", change: (inout [UInt8]) -> Void = { _ in }
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int) {
            for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
        }
        put(String(name.prefix(100)), at: 0)
        put("0000600", at: 100)
        put(octal(bytes.count, 11), at: 124)
        put(octal(0, 11), at: 136)
        put(String(kind), at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        change(&header)
        put("        ", at: 148)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), at: 148)
        header[154] = 0
        return header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
}

/// A Mender artifact, unpacked throughout; each part can be made wrong.
package struct SampleArtifact: Sendable {
    package var name = "release-1"
    package var deviceTypes = ["board-a"]
    /// More members of "artifact_depends": `,"artifact_name":["release-0"]`.
    package var needs = ""
    package var payload: [UInt8]
    package var file = "image.bin"
    /// Payloads, all alike.
    package var payloads = 1
    package var version = #"{"format":"mender","version":3}"#
    /// Of the manifest; nil: it is not signed.
    package var sign: (@Sendable ([UInt8]) throws -> [UInt8])?

    package init(payload: [UInt8] = Array("payload".utf8)) { self.payload = payload }

    package var header: [SampleTar.File] {
        let devices = deviceTypes.map { "\"\($0)\"" }.joined(separator: ",")
        let types = [String](repeating: #"{"type":"single-file"}"#, count: payloads).joined(separator: ",")
        let info = """
            {"payloads":[\(types)],"artifact_provides":{"artifact_name":"\(name)"},\
            "artifact_depends":{"device_type":[\(devices)]\(needs)}}
            """
        let type = #"{"type":"single-file","artifact_provides":{"rootfs-image.single-file.version":"\#(name)"}}"#
        var files: [SampleTar.File] = [("header-info", Array(info.utf8))]
        for number in 0..<payloads { files.append(("headers/000\(number)/type-info", Array(type.utf8))) }
        return files
    }

    /// The parts in order.
    package func parts() throws -> [SampleTar.File] {
        let header = SampleTar.write(header)
        var hashed: [SampleTar.File] = [("header.tar", header), ("version", Array(version.utf8))]
        for number in 0..<payloads { hashed.append(("data/000\(number)/\(file)", payload)) }
        let manifest = Array(hashed.map { "\(Wire.Digest(SHA256.hash(data: $0.bytes)))  \($0.name)\n" }.joined().utf8)
        var parts: [SampleTar.File] = [("version", Array(version.utf8)), ("manifest", manifest)]
        if let sign { parts.append(("manifest.sig", Array(Base64.encode(try sign(manifest)).utf8))) }
        parts.append(("header.tar", header))
        for number in 0..<payloads { parts.append(("data/000\(number).tar", SampleTar.write([(file, payload)]))) }
        return parts
    }

    package func bytes() throws -> [UInt8] { SampleTar.write(try parts()) }
}
