import Foundation
import KeysPKCS11
import Wire

/// A SoftHSM token for a test, in a folder that goes away with it.
///
/// The library reads its configuration once a process, so all benches share one folder of tokens.
package final class TokenBench: Sendable {
    package static let module = "/usr/lib/softhsm/libsofthsm2.so"
    package static let pin = "246810"
    package static let packages = "softhsm2 opensc"

    package static func isInstalled() -> Bool {
        FileManager.default.fileExists(atPath: module)
            && OutsideProgram.findOrSay("softhsm2-util", package: packages)
            && OutsideProgram.findOrSay("pkcs11-tool", package: packages)
    }

    /// Configuration file and tokens of this process.
    private static let shared: String = {
        let folder = NSTemporaryDirectory() + "/lifelong-softhsm-\(getpid())"
        try? FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
        try? Data(configuration(folder + "/tokens").utf8).write(to: URL(filePath: folder + "/softhsm2.conf"))
        setenv("SOFTHSM2_CONF", folder + "/softhsm2.conf", 1)
        return folder
    }()

    package static func configuration(_ tokens: String) -> String {
        "directories.tokendir = \(tokens)\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    }

    /// Of this test; holds the PIN file.
    package let folder: String
    package let label: String
    /// Where SoftHSM keeps this token's objects.
    package let tokenFolder: String
    package var pinFile: String { folder + "/pin" }
    package var configurationFile: String { Self.shared + "/softhsm2.conf" }

    package init() async throws {
        label = "bench-\(UUID().uuidString.prefix(8))"
        folder = NSTemporaryDirectory() + "/lifelong-token-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let tokens = Self.shared + "/tokens"
        let before = Set(try FileManager.default.contentsOfDirectory(atPath: tokens))
        let made = try await OutsideProgram.run(
            "softhsm2-util",
            ["--init-token", "--free", "--label", label, "--pin", Self.pin, "--so-pin", "13579246"], in: folder)
        guard made.status == 0,
            let new = try FileManager.default.contentsOfDirectory(atPath: tokens).first(where: { !before.contains($0) })
        else {
            throw Refusal(.unavailable, "SoftHSM made no token: \(made.text)\(made.errors)", hint: "Look at its log.")
        }
        tokenFolder = tokens + "/" + new
        try writePIN(Self.pin)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
        try? FileManager.default.removeItem(atPath: tokenFolder)
    }

    package func writePIN(_ pin: String, mode: Int = 0o600) throws {
        try? FileManager.default.removeItem(atPath: pinFile)
        _ = FileManager.default.createFile(
            atPath: pinFile, contents: Data((pin + "\n").utf8), attributes: [.posixPermissions: mode])
    }

    package var settings: TokenSettings {
        TokenSettings(module: Self.module, token: .label(label), pin: .file(pinFile))
    }

    /// Opens the token. The library looks for new ones at most once a second.
    package func open(_ change: (inout TokenSettings) -> Void = { _ in }) async throws -> TokenKeyStore {
        var settings = settings
        change(&settings)
        for _ in 0..<40 {
            do { return try TokenKeyStore(settings) } catch let refusal as Refusal
                where refusal.detail.contains("is not attached")
            {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        return try TokenKeyStore(settings)
    }

    /// The token is gone, as if pulled out of its socket.
    package func pull() throws {
        try FileManager.default.moveItem(atPath: tokenFolder, toPath: folder + "/pulled")
    }

    package func putBack() throws {
        try FileManager.default.moveItem(atPath: folder + "/pulled", toPath: tokenFolder)
    }

    /// What a stranger sees of the token, after logging in.
    package func pkcs11Tool(_ arguments: [String]) async throws -> OutsideProgram.Outcome {
        try await OutsideProgram.run(
            "pkcs11-tool",
            ["--module", Self.module, "--token-label", label, "--login", "--pin", Self.pin] + arguments, in: folder)
    }
}
