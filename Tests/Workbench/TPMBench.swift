import Foundation
import KeysPKCS11
import Wire

/// A TPM 2.0 for a test: swtpm, tpm2-abrmd on a bus of its own, and a token of tpm2-pkcs11 in it.
///
/// One a process, because the library reads where its store and its bus are from the environment.
package final class TPMBench: Sendable {
    package static let module = "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1"
    package static let pin = "864209"

    package static func isInstalled() -> Bool {
        let packages =
            "swtpm tpm2-abrmd libtss2-tcti-tabrmd0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools tpm2-tools dbus-daemon"
        guard FileManager.default.fileExists(atPath: module) else {
            print("notice: tpm2-pkcs11 is not installed (apt-get install \(packages)); its tests are left out")
            return false
        }
        return ["swtpm", "tpm2-abrmd", "tpm2_ptool", "tpm2_getcap", "dbus-daemon"]
            .allSatisfy { OutsideProgram.findOrSay($0, package: packages) }
    }

    package let folder: String
    private let children: [Process]
    package var pinFile: String { folder + "/pin" }

    package init() async throws {
        folder = "/tmp/lifelong-tpm-\(UUID().uuidString.prefix(8))"
        for part in ["", "/state", "/store"] {
            try FileManager.default.createDirectory(
                atPath: folder + part, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let port = 20_000 + Int.random(in: 0..<10_000) * 2
        setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=\(folder)/bus", 1)
        setenv("TPM2_PKCS11_STORE", folder + "/store", 1)
        setenv("TPM2_PKCS11_TCTI", "tabrmd:bus_type=session", 1)
        setenv("TPM2TOOLS_TCTI", "tabrmd:bus_type=session", 1)
        setenv("TSS2_LOG", "all+NONE", 1)
        var children: [Process] = []
        children.append(try Self.start("dbus-daemon", ["--session", "--nofork", "--address=unix:path=\(folder)/bus"]))
        children.append(
            try Self.start(
                "swtpm",
                [
                    "socket", "--tpm2", "--tpmstate", "dir=\(folder)/state", "--server",
                    "type=tcp,port=\(port),bindaddr=127.0.0.1", "--ctrl",
                    "type=tcp,port=\(port + 1),bindaddr=127.0.0.1",
                    "--flags", "not-need-init,startup-clear",
                ]))
        for _ in 0..<100 where !FileManager.default.fileExists(atPath: folder + "/bus") {
            try await Task.sleep(for: .milliseconds(20))
        }
        children.append(
            try Self.start(
                "tpm2-abrmd", ["--allow-root", "--session", "--tcti=swtpm:host=127.0.0.1,port=\(port)"]))
        self.children = children
        _ = FileManager.default.createFile(
            atPath: folder + "/pin", contents: Data((Self.pin + "\n").utf8), attributes: [.posixPermissions: 0o600])
        for _ in 0..<100 {
            if try await OutsideProgram.run("tpm2_getcap", ["properties-fixed"], in: folder).status == 0 { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await tool(["init"])
        try await tool(["addtoken", "--pid", "1", "--sopin", "13579246", "--userpin", Self.pin, "--label", "tpm"])
    }

    deinit {
        // Children of Foundation start with SIGTERM blocked.
        for child in children.reversed() where child.isRunning { kill(child.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static func start(_ name: String, _ arguments: [String]) throws -> Process {
        guard let path = OutsideProgram.find(name) else {
            throw Refusal(.unavailable, "\(name) is not installed.", hint: "Install it.")
        }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// tpm2_ptool, the token's own tool.
    package func tool(_ arguments: [String]) async throws {
        let done = try await OutsideProgram.run("tpm2_ptool", arguments + ["--path", folder + "/store"], in: folder)
        guard done.status == 0 else {
            throw Refusal(.unavailable, "tpm2_ptool: \(done.text)\(done.errors)", hint: "Look at its version.")
        }
    }

    package var settings: TokenSettings {
        var settings = TokenSettings(module: Self.module, token: .label("tpm"), pin: .file(pinFile))
        settings.sessions = 2
        // A software TPM on a busy machine takes its time over a key.
        settings.timeoutSeconds = 60
        return settings
    }
}
