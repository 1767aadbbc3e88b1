import Crypto
import Foundation
import Registry
import Release
import Use
import Wire
import Workbench

/// A maker of archives of SWUpdate whose images are encrypted, and what the devices' own tools make of what they fetch.
struct ArchiveScene: Sendable {
    static let packages = "cpio openssl curl"
    static var isInstalled: Bool {
        ["cpio", "openssl", "curl"].allSatisfy { OutsideProgram.findOrSay($0, package: packages) }
    }

    /// Two devices whose keys and certificates are files.
    let devices: RAUCScene
    var folder: String { devices.folder }
    var house: House { devices.house }
    static let image = RAUCScene.image
    private static let key = String(repeating: "5a", count: 32)
    private static let iv = String(repeating: "c3", count: 16)

    init() async throws { devices = try await RAUCScene() }

    /// Builds one as SWUpdate's documentation says, and publishes it. Returns the file's bytes and its sw-description.
    func publish(_ sequence: Int, offered: Bool = true) async throws -> (whole: [UInt8], description: [UInt8]) {
        let (whole, head) = try await make(sequence)
        let rest = Array(whole.dropFirst(head))
        let sha256 = Wire.Digest(SHA256.hash(data: rest))
        try Data(rest).write(to: URL(filePath: stored(rest)))
        let secret = PayloadSecret(
            kind: .swupdate, secret: Array(whole.prefix(head)), sha256: Wire.Digest(SHA256.hash(data: whole)),
            size: whole.count)
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: rest.count, encryption: secret), as: .system)
        if offered {
            _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: sequence), as: .system)
        }
        return (whole, Array(try Data(contentsOf: URL(filePath: "\(folder)/sw-description"))))
    }

    func stored(_ rest: [UInt8]) -> String {
        house.settings.artifactFolder + "/\(Wire.Digest(SHA256.hash(data: rest)))"
    }

    private func make(_ sequence: Int) async throws -> (whole: [UInt8], head: Int) {
        let est = devices.est
        try Data(Self.image).write(to: URL(filePath: "\(folder)/rootfs.img"))
        try await est.run(
            "openssl",
            ["enc", "-aes-256-cbc", "-K", Self.key, "-iv", Self.iv, "-in", "rootfs.img", "-out", "rootfs.enc"])
        let sum = try Wire.Digest(SHA256.hash(data: Data(contentsOf: URL(filePath: "\(folder)/rootfs.enc"))))
        try est.write(
            """
            software = {
              version = "1.\(sequence)";
              hardware-compatibility: [ "1.0" ];
              images: ( { filename = "rootfs.enc"; type = "rawfile"; path = "\(folder)/installed.img"; sha256 = "\(sum)";
                encrypted = "aes-cbc"; aes-key = "\(Self.key)"; ivt = "\(Self.iv)"; } );
            }
            """, "sw-description")
        try await est.run(
            "openssl",
            [
                "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "images.pem",
                "-inkey",
                "images.key", "-outform", "DER", "-nosmimecap", "-binary",
            ])
        try await est.run(
            "bash",
            ["-c", "printf 'sw-description\\nsw-description.sig\\nrootfs.enc\\n' | cpio -o -H crc --quiet >made.swu"])
        let whole = Array(try Data(contentsOf: URL(filePath: "\(folder)/made.swu")))
        return (whole, try SWUpdateArchive.headBytes(whole))
    }

    // MARK: - A device

    /// What cpio and openssl take out of an archive with the device's key: sw-description, and the image that it leads to; nil if
    /// the key opens nothing.
    func open(_ archive: [UInt8], as unit: RAUCScene.Unit) async throws -> (description: [UInt8], image: [UInt8])? {
        let name = UUID().uuidString
        try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        try Data(archive).write(to: URL(filePath: "\(folder)/\(name).swu"))
        let run = try await Shell.run(
            """
            cd \(name) && cpio -i --quiet <../\(name).swu || exit 10
            openssl cms -decrypt -binary -inform DER -in sw-description -recip ../\(unit.name).pem -inkey ../\(unit.name).key \
              -out plain 2>/dev/null || exit 11
            openssl cms -verify -binary -inform DER -in sw-description.sig -content plain -CAfile ../images.pem -purpose any \
              -out /dev/null 2>&1 || exit 12
            key=$(sed -n 's/.*aes-key = "\\([0-9a-f]*\\)".*/\\1/p' plain); iv=$(sed -n 's/.*ivt = "\\([0-9a-f]*\\)".*/\\1/p' plain)
            openssl enc -d -aes-256-cbc -K $key -iv $iv -in rootfs.enc -out image || exit 13
            """, in: folder, seconds: 60)
        if run.status == 11 { return nil }
        // cpio says what is wrong with a checksum, and goes on.
        guard run.status == 0, !run.said.contains("checksum") else {
            throw Refusal(
                .conflict, "It ended with \(run.status): \(run.said.suffix(2000))", hint: "Read what it said.")
        }
        func bytes(_ file: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)/\(file)")))
        }
        return (try bytes("plain"), try bytes("image"))
    }

    func fetch(_ unit: RAUCScene.Unit, _ door: DeviceBench) async throws -> (
        artifact: RAUCScene.Artifact, body: [UInt8]
    ) {
        let artifact = try await devices.artifact(unit, door)
        guard let link = artifact._links["download"]?.href else {
            throw Refusal(.notFound, "There is no link.", hint: "Look at the deployment.")
        }
        let got = try await devices.curl(unit, link)
        guard got.status == 200 else {
            throw Refusal(.conflict, String(decoding: got.body, as: UTF8.self), hint: "Read it.")
        }
        return (artifact, got.body)
    }

    // MARK: - SWUpdate itself, where somebody built one that opens envelopes

    /// In no package of Debian 12: built by hand from its sources, with CONFIG_ASYM_ENCRYPTED_SW_DESCRIPTION.
    static let swupdate = ProcessInfo.processInfo.environment["LIFELONG_SWUPDATE"]

    var installed: [UInt8]? { FileManager.default.contents(atPath: "\(folder)/installed.img").map { Array($0) } }

    /// Key and certificate in one file, as SWUpdate wants them.
    private func own(_ unit: RAUCScene.Unit) throws -> String {
        let parts = try ["key", "pem"].map {
            try String(contentsOfFile: "\(folder)/\(unit.name).\($0)", encoding: .utf8)
        }
        try devices.est.write(parts.joined(), "\(unit.name).own")
        return "\(unit.name).own"
    }

    /// Installs an archive with the device's key. What it said.
    func install(_ archive: [UInt8], as unit: RAUCScene.Unit) async throws -> (status: Int32, said: String) {
        try? FileManager.default.removeItem(atPath: "\(folder)/installed.img")
        try Data(archive).write(to: URL(filePath: "\(folder)/install.swu"))
        return try await Shell.run(
            """
            export TMPDIR=$(mktemp -d); trap 'rm -rf "$TMPDIR"' EXIT
            timeout 40 '\(Self.swupdate ?? "")' --digest-provider opensslCMS -K \(try own(unit)) -k images.pem -H board:1.0 -M -m -l 5 -i install.swu 2>&1
            """, in: folder, seconds: 60)
    }

    /// Polls, installs what is offered, and ends when it would restart. What it said.
    func poll(_ unit: RAUCScene.Unit, _ door: DeviceBench) async throws -> (status: Int32, said: String) {
        try? FileManager.default.removeItem(atPath: "\(folder)/installed.img")
        try devices.est.write(
            """
            globals : { verbose = true; loglevel = 5; syslog = false; public-key-file = "\(folder)/images.pem"; };
            suricatta : {
              tenant = "DEFAULT"; id = "\(unit.unit.serial)"; url = "\(door.device)"; cafile = "\(folder)/root.pem";
              retry = 5; retrywait = 1; sslcert = "\(folder)/\(unit.name).pem"; sslkey = "\(folder)/\(unit.name).key";
            };
            """, "poll.cfg")
        return try await Shell.run(
            """
            export TMPDIR=$(mktemp -d); trap 'kill -KILL $pid 2>/dev/null; rm -rf "$TMPDIR"' EXIT
            rm -f rebooted
            '\(Self.swupdate ?? "")' -f poll.cfg --digest-provider opensslCMS -K \(try own(unit)) -H board:1.0 -M -m -p "touch \(folder)/rebooted" \\
              -u "-t DEFAULT" >poll.log 2>&1 &
            pid=$!
            for i in $(seq 1 300); do [ -e rebooted ] && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
            tail -c 6000 poll.log; [ -e rebooted ]
            """, in: folder, seconds: 60)
    }
}
