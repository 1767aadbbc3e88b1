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

/// A device whose update client is Debian's SWUpdate: a folder as its disk, a maker's certificate that signs images, and
/// "restart" for what a boot loader would do.
struct SWUpdateScene: Sendable {
    static let packages = "swupdate cpio openssl python3"
    static var isInstalled: Bool {
        ["swupdate", "cpio", "openssl", "python3"].allSatisfy { OutsideProgram.findOrSay($0, package: packages) }
    }

    enum Identity: Sendable { case certificate, token }

    let est: ESTScene
    var folder: String { est.folder }
    var house: House { est.bench.house }
    var device: DeviceID { est.unit.device }
    private let options: String

    init(_ identity: Identity, confirming: Bool = false) async throws {
        est = try await ESTScene {
            $0.checkInSeconds = 1
            $0.confirmUpdates = confirming
        }
        var options = ""
        // Every device of its own accord has one; the token's device shows none.
        try await est.request("operational", subject: "/CN=\(est.unit.device)")
        let shown = try est.bench.house.authorities.verifier(for: .birth).verify(
            leaf: est.unit.certificate, at: est.bench.clock.now, purpose: .birth
        ).get()
        let csr = Array(try Data(contentsOf: URL(filePath: "\(est.folder)/operational.csr")))
        let der = try await EnrolDevice(
            device: est.unit.device, request: VerifiedRequest(der: csr), proof: .birth(shown)
        ).perform(in: est.bench.house)
        try est.write(PEM.encode(der, label: "CERTIFICATE"), "operational.pem")
        switch identity {
        case .certificate:
            options = "sslcert = \"\(est.folder)/operational.pem\"; sslkey = \"\(est.folder)/operational.key\";"
        case .token:
            let token = try await est.bench.house.perform(IssueDeviceToken(device: est.unit.serial), as: est.ada).token
            options = "targettoken = \"\(token)\";"
        }
        self.options = options
        // What a maker signs images with (CMS); SWUpdate asks for this purpose.
        try await est.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-keyout", "images.key", "-out", "images.pem", "-subj", "/CN=images", "-addext",
                "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature",
            ])
    }

    // MARK: - The maker

    /// What the image puts on the device's disk.
    func content(_ version: Int, bytes: Int) -> Data {
        Data((0..<bytes).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761 &+ version) >> 7) })
    }

    /// A signed image in version.swu.
    /// - Parameter tampered: the content is another one than was signed.
    func image(_ version: Int, bytes: Int = 60_000, tampered: Bool = false) async throws -> String {
        let content = content(version, bytes: bytes)
        try content.write(to: URL(filePath: "\(folder)/image.bin"))
        let sha256 = Wire.Digest(SHA256.hash(data: content))
        try est.write(
            """
            software = {
              version = "1.\(version)";
              hardware-compatibility: [ "1.0" ];
              files: ( { filename = "image.bin"; path = "\(folder)/installed.bin"; sha256 = "\(sha256)"; } );
            }
            """, "sw-description")
        try await est.run(
            "openssl",
            [
                "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "images.pem",
                "-inkey", "images.key", "-outform", "DER", "-nosmimecap", "-binary",
            ])
        if tampered {
            let other = Data(content.dropLast()) + Data([content[bytes - 1] ^ 1])
            try other.write(to: URL(filePath: "\(folder)/image.bin"))
        }
        try await est.run(
            "bash",
            [
                "-c",
                "printf 'sw-description\\nsw-description.sig\\nimage.bin\\n' | cpio -o -H crc --quiet >\(version).swu",
            ])
        return "\(folder)/\(version).swu"
    }

    /// Publishes and offers it. Returns the number of its action.
    @discardableResult
    func release(_ version: Int, _ image: String) async throws -> Int64 {
        let bytes = try Data(contentsOf: URL(filePath: image))
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        try bytes.write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: version, version: "1.\(version)",
                hardware: [HouseBench.hardware], sha256: sha256, size: bytes.count), as: .system)
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: version, devices: [est.unit.serial]), as: .system)
        return try await house.read { rows in
            try rows.first("SELECT MAX(idx) AS n FROM ledger WHERE kind = 'updateOffered'")?.optionalInt("n") ?? 0
        }
    }

    // MARK: - The device

    var hasRestarted: Bool { FileManager.default.fileExists(atPath: folder + "/rebooted") }
    var installed: Data? { FileManager.default.contents(atPath: folder + "/installed.bin") }

    /// One run of SWUpdate, from the device's start until `isOver`, when the power goes. Returns its log.
    /// - Parameters:
    ///   - address: where it finds the server.
    ///   - confirm: what the boot loader says of the update: 2 good, 3 failed.
    ///   - before: a piece of shell that comes first.
    func run(
        _ address: String, confirm: Int? = nil, before: String = "",
        until isOver: @escaping @Sendable () async throws -> Bool
    ) async throws -> String {
        for name in ["over", "rebooted", "swupdate.log"] {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        // Without "polldelay" a first poll that found nobody, on a loaded machine, would be followed by 45 silent seconds.
        try est.write(
            """
            globals : { verbose = true; loglevel = 5; syslog = false; public-key-file = "\(folder)/images.pem"; };
            identify : ( { name = "board"; value = "c"; }, { name = "serial"; value = "\(est.unit.serial)"; } );
            suricatta : {
              tenant = "DEFAULT"; id = "\(est.unit.serial)"; url = "\(address)"; cafile = "\(folder)/root.pem";
              retry = 5; retrywait = 1; polldelay = 1; \(options)
            };
            """, "swupdate.cfg")
        let arguments = confirm.map { "-c \($0)" } ?? "-t DEFAULT"
        let script = """
            export TMPDIR=$(mktemp -d)
            trap 'rm -rf "$TMPDIR"' EXIT
            \(before)
            swupdate -f swupdate.cfg -H board:1.0 -M -m -p "touch \(folder)/rebooted" -u "\(arguments)" >swupdate.log 2>&1 &
            for i in $(seq 1 600); do
              [ -e over ] && exit 0
              kill -0 $! 2>/dev/null || exit 3
              sleep 0.1
            done
            exit 4
            """
        async let ended = Shell.run(script, in: folder, seconds: 90)
        var isDone = false
        for _ in 0..<550 where !isDone {
            try await Task.sleep(for: .milliseconds(100))
            isDone = try await isOver()
        }
        try est.write("", "over")
        let (status, said) = try await ended
        let log = (try? String(contentsOfFile: folder + "/swupdate.log", encoding: .utf8)) ?? ""
        guard status == 0, isDone else {
            throw Refusal(
                .conflict,
                "swupdate ended with \(status), done: \(isDone): \(said.suffix(500)) \(log.suffix(3000))",
                hint: "Read what it said.")
        }
        return log
    }

    // MARK: - What is recorded

    func passport() async throws -> Passport {
        try await house.read { rows in try Device.require(device.text, in: rows).passport }
    }

    func client() async throws -> StockClient {
        try await house.read { rows in try StockClient.find(device, in: rows) }
    }
}
