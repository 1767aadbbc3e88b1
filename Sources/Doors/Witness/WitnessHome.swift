import Crypto
import Foundation
import Keys
import Ledger
import Trust
import Wire

/// A witness's folder: `name`, its key in the key store, and `logs/<SHA-256 of the origin>.log`, a file a log with
/// whom it trusts and what it cosigned last.
///
/// The files are written by what is handed in, whole or not at all and on disk when it returns.
package struct WitnessHome: Sendable {
    package typealias Write = @Sendable (_ bytes: [UInt8], _ path: String) throws -> Void

    package let path: String
    let write: Write
    package let cosigner: Cosigner

    private static let label = "witness-1"
    /// Bound of the logs that one witness knows.
    private static let maximumLogs = 10_000

    private static func nameFile(_ path: String) -> String { path + "/name" }
    private static func folder(_ path: String) -> String { path + "/logs" }

    /// Makes a new witness: its key, then its name.
    package static func make(at path: String, name: String, keys: any KeyStore, write: @escaping Write) throws {
        guard !FileManager.default.fileExists(atPath: nameFile(path)) else {
            throw Refusal(
                .conflict, "There is a witness at \(path) already.",
                hint: "Choose another --home; a witness keeps its key and its memory for life.")
        }
        let label = try KeyLabel(Self.label)
        // Found again if the last attempt died between the two.
        let key = try keys.find(label) ?? keys.make(label, algorithm: .ed25519)
        _ = try Cosigner(name: name, key: key)
        try FileManager.default.createDirectory(
            atPath: folder(path), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try write(Array("\(name)\n".utf8), nameFile(path))
    }

    package init(at path: String, keys: any KeyStore, write: @escaping Write) throws {
        guard let data = FileManager.default.contents(atPath: Self.nameFile(path)), data.count <= 1024,
            let name = String(data: data, encoding: .utf8)
        else {
            throw Refusal(
                .notFound, "There is no witness at \(path).",
                hint: "Make one: lifelong witness init --home \(path) --name witness.example/w1")
        }
        self.path = path
        self.write = write
        cosigner = try Cosigner(name: name.trimmingCharacters(in: .newlines), key: keys.require(KeyLabel(Self.label)))
    }

    static func digest(of origin: String) -> String { Hex.encode(SHA256.hash(data: Array(origin.utf8))) }

    private func file(_ digest: String) -> String { "\(Self.folder(path))/\(digest).log" }

    /// Adds a log that it will cosign from its first submission on. One that it knows stays as it is: forgetting what
    /// was cosigned would let a fork pass.
    package func trust(_ key: VerifierKey, origin: String?) throws {
        let log = try WitnessedLog(origin: origin ?? key.name, keys: [key])
        let path = file(Self.digest(of: log.origin))
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Refusal(
                .conflict, "The witness knows the log \"\(log.origin)\" already.",
                hint: "Leave it: its memory of a log is never started afresh.")
        }
        try write(log.bytes, path)
    }

    /// Every log that it knows; refuses if one file is damaged, because a witness without its memory must not sign.
    func logs() throws -> [LogRecord] {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder(path))
            .filter { $0.hasSuffix(".log") }.sorted()
        guard files.count <= Self.maximumLogs else {
            throw Refusal(.tooLarge, "The witness knows \(files.count) logs.", hint: "Spread them over more witnesses.")
        }
        return try files.map { name in
            let record = LogRecord(file: "\(Self.folder(path))/\(name)", cosigner: cosigner, write: write)
            let log = try record.load()
            guard name == Self.digest(of: log.origin) + ".log" else {
                throw Refusal(
                    .conflict, "The file \(name) is of the log \"\(log.origin)\", which has another name.",
                    hint: "Restore the folder as it was; files are never renamed.")
            }
            return record
        }
    }
}
