import Crypto
import Foundation
import Pairing
import Passport
import Registry
import Server
import Store
import Trust
import Use
import Wire
import Workbench

/// A device whose update client is Debian's mender-client: a folder as its disk, an update module that installs a file there, and
/// "restart" for what the module does.
struct MenderClientScene: Sendable {
    static let packages = "mender-client mender-artifact openssl python3 util-linux"
    static var isInstalled: Bool {
        ["mender", "mender-artifact", "openssl", "python3", "unshare"].allSatisfy {
            OutsideProgram.findOrSay($0, package: packages)
        }
    }

    enum Identity: Sendable { case certificate, key }

    let est: ESTScene
    private let identity: Identity
    var folder: String { est.folder }
    var house: House { est.bench.house }
    var serial: String { est.unit.serial }
    static let deviceType = "board-a"

    init(_ identity: Identity) async throws {
        self.identity = identity
        est = try await ESTScene { $0.checkInSeconds = 1 }
        if identity == .certificate {
            try await est.request("operational", subject: "/CN=\(est.unit.device)")
            let shown = try est.bench.house.authorities.verifier(for: .birth).verify(
                leaf: est.unit.certificate, at: est.bench.clock.now, purpose: .birth
            ).get()
            let csr = Array(try Data(contentsOf: URL(filePath: "\(est.folder)/operational.csr")))
            let der = try await EnrolDevice(
                device: est.unit.device, request: VerifiedRequest(der: csr), proof: .birth(shown)
            ).perform(in: est.bench.house)
            try est.write(PEM.encode(der, label: "CERTIFICATE"), "operational.pem")
        }
        for name in ["artifacts.key", "others.key"] {
            try await est.run("openssl", ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", name])
        }
        try await est.run("openssl", ["ec", "-in", "artifacts.key", "-pubout", "-out", "artifacts.pub"])
        for place in ["share/identity", "share/inventory", "share/modules/v3", "etc", "data", "disk"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(place)", withIntermediateDirectories: true)
        }
        try est.write("artifact_name=release-0\n", "etc/artifact_info")
        try est.write("device_type=\(Self.deviceType)\n", "data/device_type")
        try script("share/identity/mender-device-identity", "echo serial=\(serial)")
        try script("share/inventory/mender-inventory-board", "echo board=c; echo ip=10.0.0.1; echo ip=10.0.0.2")
        try script("share/modules/v3/disk", Self.module(folder + "/disk"))
    }

    private func script(_ file: String, _ lines: String) throws {
        try est.write("#!/bin/sh\n\(lines)\n", file)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/\(file)")
    }

    /// An update module: what the artifact holds goes to the disk, what was there is kept until the update is over. Files on the
    /// disk say how it is to go: "broken", "restarts", "waits".
    private static func module(_ disk: String) -> String {
        """
        disk="\(disk)"
        case "$1" in
        NeedsArtifactReboot) [ -e "$disk/restarts" ] && echo Yes || echo No ;;
        SupportsRollback) echo Yes ;;
        Download)
            while file="$(cat stream-next)"; [ -n "$file" ]; do mkdir -p files; cat "$file" >"files/$(basename "$file")"; done
            touch "$disk/downloaded"
            while [ -e "$disk/waits" ]; do sleep 0.1; done ;;
        ArtifactInstall)
            [ -e "$disk/installed.bin" ] && cp "$disk/installed.bin" "$disk/before.bin"
            cp files/image.bin "$disk/installed.bin"
            if [ -e "$disk/broken" ]; then echo "the board is broken" >&2; exit 3; fi ;;
        ArtifactReboot) touch "$disk/rebooted"; while kill -0 $PPID 2>/dev/null; do sleep 0.1; done ;;
        ArtifactRollback) if [ -e "$disk/before.bin" ]; then mv "$disk/before.bin" "$disk/installed.bin"; else rm -f "$disk/installed.bin"; fi ;;
        esac
        exit 0
        """
    }

    // MARK: - The maker

    func content(_ version: Int, bytes: Int = 60_000) -> Data {
        Data((0..<bytes).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761 &+ version) >> 7) })
    }

    /// An artifact in version.mender, as the maker's tool writes and signs it.
    func artifact(
        _ version: Int, bytes: Int = 60_000, for type: String = deviceType, key: String = "artifacts.key",
        compression: String = "gzip"
    ) async throws -> Data {
        try content(version, bytes: bytes).write(to: URL(filePath: "\(folder)/image.bin"))
        try await est.run(
            "mender-artifact",
            [
                "--compression", compression, "write", "module-image", "-T", "disk", "-n", "release-\(version)", "-t",
                type, "-f", "image.bin", "-k", key, "-o", "\(version).mender",
            ])
        return try Data(contentsOf: URL(filePath: "\(folder)/\(version).mender"))
    }

    /// Publishes and offers it. Returns where it is stored.
    @discardableResult
    func release(_ version: Int, _ bytes: Data) async throws -> String {
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        let stored = house.settings.artifactFolder + "/\(sha256)"
        try bytes.write(to: URL(filePath: stored))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: version, version: "1.\(version)",
                hardware: [HouseBench.hardware], sha256: sha256, size: bytes.count), as: .system)
        try await offer(version)
        return stored
    }

    func offer(_ version: Int) async throws {
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: version, devices: [serial]), as: .system)
    }

    // MARK: - The device

    func set(_ name: String) throws { try est.write("", "disk/\(name)") }
    func unset(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(folder)/disk/\(name)") }
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/disk/\(name)") }
    var installed: Data? { FileManager.default.contents(atPath: folder + "/disk/installed.bin") }
    var log: String { (try? String(contentsOfFile: folder + "/mender.log", encoding: .utf8)) ?? "" }

    /// Its log says that nobody has accepted its key.
    var isRefused: Bool { log.contains(/SHA-256 [0-9a-f]{64} is not accepted/) }

    /// Its owner brings what the client's key signs, as docs/stock-clients.md says it.
    func accept() async throws -> Int {
        let key = try await est.run(
            "bash",
            [
                "-euc",
                """
                key=data/mender-agent.pem
                public="$(openssl pkey -in "$key" -pubout -outform DER | base64 -w0)"
                signature="$(printf 'lifelong mender key v1\\n%s' '\(serial)' | openssl dgst -sha256 -sign "$key" | base64 -w0)"
                printf '%s.%s' "$public" "$signature"
                """,
            ]
        ).text
        return try await house.perform(
            AdoptDeviceTokens(tokens: [.init(device: serial, key: key)]), as: est.ada
        ).adopted
    }

    /// The device is on until `isOver`, when the power goes. Returns the client's log.
    /// - Parameters:
    ///   - address: where it finds the server.
    ///   - before: a piece of shell that comes first.
    @discardableResult
    func run(
        _ address: String, before: String = "", seconds: Int = 60,
        until isOver: @escaping @Sendable () async throws -> Bool
    ) async throws -> String {
        for name in ["over", "mender.log"] { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
        let tls =
            identity == .certificate
            ? #""HttpsClient":{"Certificate":"\#(folder)/operational.pem","Key":"\#(folder)/operational.key"},"# : ""
        try est.write(
            """
            {"Servers":[{"ServerURL":"\(address)"}],"ServerCertificate":"\(folder)/root.pem",\(tls)
            "ArtifactVerifyKey":"\(folder)/artifacts.pub","DeviceTypeFile":"\(folder)/data/device_type",
            "DBus":{"Enabled":false},"UpdatePollIntervalSeconds":1,"InventoryPollIntervalSeconds":1,
            "RetryPollIntervalSeconds":1}
            """, "mender.conf")
        try est.write(
            """
            mount --bind share /usr/share/mender && mount --bind etc /etc/mender || exit 5
            \(before)
            mender --no-syslog -c mender.conf -d "$PWD/data" daemon >mender.log 2>&1 &
            for i in $(seq 1 \(seconds * 10)); do
              [ -e over ] && exit 0
              kill -0 $! 2>/dev/null || exit 3
              sleep 0.1
            done
            exit 4
            """, "run.sh")
        let alone = geteuid() == 0 ? "unshare -m" : "unshare -rm"
        async let ended = Shell.run("exec \(alone) bash run.sh", in: folder, seconds: seconds + 30)
        for _ in 0..<seconds * 10 - 20 {
            if try await isOver() { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        try est.write("", "over")
        let (status, said) = try await ended
        guard status == 0 else {
            throw Refusal(
                .conflict, "mender ended with \(status): \(said.suffix(500)) \(log.suffix(3000))",
                hint: "Read what it said.")
        }
        return log
    }

    // MARK: - What is recorded

    func passport() async throws -> Passport {
        try await house.read { rows in try Device.require(est.unit.device.text, in: rows).passport }
    }

    func client() async throws -> StockClient {
        try await house.read { rows in try StockClient.find(est.unit.device, in: rows) }
    }
}
