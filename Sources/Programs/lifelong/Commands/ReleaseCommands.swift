import ArgumentParser
import Crypto
import Foundation
import Registry
import Use
import Wire

/// `lifelong release …`
struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Signed software for a product.",
        subcommands: [
            ReleasePublish.self, ReleaseListCommand.self, ReleaseOffer.self, ReleaseWithdraw.self, ReleasePrune.self,
        ])
}

struct ReleasePublish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Upload an artifact and publish it as a release; the house seals its manifest.",
        discussion: """
            Example:
              lifelong release publish thermostat-2 firmware.bin --sequence 7 --version-name 1.4.2 --hardware thermostat-board-c
            With --encrypt only devices that it is offered to can read it: a RAUC bundle of the format "crypt" goes to stock clients,
            anything else to Lifelong's agent.
            """)
    @Argument(help: "The product.") var product: String
    @Argument(help: "The artifact's file.") var file: String
    @Option(help: "Number of the release; each is higher than the one before.") var sequence: Int
    @Option(help: "What people call it, such as 1.4.2.") var versionName: String
    @Option(help: "Hardware that it may run on; give it once for each.") var hardware: [String]
    @Flag(help: "Encrypt it; each device gets the key for its own certificate.") var encrypt = false
    @Option(help: "A version that it may follow; none: any.") var from: [String] = []
    @Option(help: "A version of the bootloader that it starts under; none: any.") var bootloader: [String] = []
    @Option(help: "A version of the network module that it speaks with; none: any.") var network: [String] = []
    @OptionGroup var evidence: EvidenceOptions
    @Flag(help: "Let devices that run it go back to the release before it, if a rollout says so; that is signed.")
    var mayReturn = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        let attached = try await evidence.upload(to: client)
        var input = PublishRelease(
            product: try ProductID(product), sequence: sequence, version: versionName, hardware: hardware,
            sha256: Wire.Digest([]), size: 0, from: from.isEmpty ? nil : from,
            bootloader: bootloader.isEmpty ? nil : bootloader, network: network.isEmpty ? nil : network,
            sbom: attached.sbom, provenance: attached.provenance, mayReturn: mayReturn ? true : nil)
        if encrypt {
            let upload = try await EncryptedUpload.run(file, to: client)
            (input.sha256, input.size, input.encryption) = (upload.sha256, upload.size, upload.secret)
        } else {
            (input.sha256, input.size) = try await ArtifactFile.upload(file, to: client)
        }
        let answer: PublishRelease.Answer = try await client.perform(PublishRelease.name, input)
        try connection.show(answer) {
            ["Release \(sequence) (\(versionName)) of \(product) is published: \(answer.release)"]
        }
    }

}

/// What is attached to a release, and checked before it is admitted.
struct EvidenceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Its bill of materials: JSON of CycloneDX 1.4 to 1.6, or of SPDX 2.3.", valueName: "file"))
    var sbom: String?
    @Option(
        help: ArgumentHelp("Its provenance: a DSSE envelope of an in-toto statement with SLSA v1.", valueName: "file"))
    var provenance: String?

    func upload(to client: RestClient) async throws -> (sbom: Wire.Digest?, provenance: Wire.Digest?) {
        var digests: [Wire.Digest?] = []
        for path in [sbom, provenance] {
            guard let path else {
                digests.append(nil)
                continue
            }
            digests.append(try await ArtifactFile.upload(path, to: client).sha256)
        }
        return (digests[0], digests[1])
    }
}

/// The file of an artifact.
enum ArtifactFile {
    /// Streams it to the server under its SHA-256.
    static func upload(_ path: String, to client: RestClient) async throws -> (sha256: Wire.Digest, size: Int) {
        let (sha256, size) = try measure(path)
        guard let artifact = FileHandle(forReadingAtPath: path) else { throw unreadable(path) }
        try await client.upload(artifact, size: Int64(size), sha256: sha256)
        try artifact.close()
        return (sha256, size)
    }

    private static func measure(_ path: String) throws -> (Wire.Digest, Int) {
        guard let file = FileHandle(forReadingAtPath: path) else { throw unreadable(path) }
        defer { try? file.close() }
        var hasher = SHA256()
        var size = 0
        while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty {
            hasher.update(data: chunk)
            size += chunk.count
        }
        return (Wire.Digest(hasher.finalize()), size)
    }

    static func unreadable(_ path: String) -> Refusal {
        Refusal(.notFound, "The file \(path) cannot be read.", hint: "Check the path and its permissions.")
    }
}

struct ReleaseListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the releases, newest first.",
        discussion: "Example:\n  lifelong release list --product thermostat-2")
    @Option(help: "Only of this product.") var product: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var releases: [ReleaseView] }
        let answer: Answer = try await connection.client().read("releases", query: [("product", product)])
        try connection.show(answer) {
            Plain.table(
                ["PRODUCT", "SEQUENCE", "VERSION", "HARDWARE", "BYTES", "PUBLISHED"],
                answer.releases.map {
                    [
                        $0.product.text, "\($0.sequence)", $0.version, $0.hardware.joined(separator: ","), "\($0.size)",
                        Plain.time($0.publishedAt),
                    ]
                })
        }
    }
}

struct ReleaseOffer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offer", abstract: "Offer a release to devices, or to all of its product.",
        discussion: """
            Examples:
              lifelong release offer thermostat-2 7 THERMOSTAT-2-7KQ2M9XA
              lifelong release offer thermostat-2 8 --remedy
            """)
    @Argument(help: "The product.") var product: String
    @Argument(help: "Number of the release.") var sequence: Int
    @Argument(help: "Serials or names; none for all of the product in use.") var devices: [String] = []
    @Flag(help: "It mends: offer it to devices that are quarantined or being handed over.") var remedy = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        var input = OfferUpdate(
            product: try ProductID(product), sequence: sequence, devices: devices.isEmpty ? nil : devices,
            remedy: remedy ? true : nil)
        var total: OfferUpdate.Answer = try await client.perform(OfferUpdate.name, input)
        while total.more {
            input.after = total.next
            let answer: OfferUpdate.Answer = try await client.perform(OfferUpdate.name, input)
            total.offered += answer.offered
            total.skipped += answer.skipped
            (total.more, total.next) = (answer.more, answer.next)
            total.why = total.why ?? answer.why
        }
        let answer = total
        try connection.show(answer) {
            ["Offered to \(answer.offered) devices; \(answer.skipped) have it or may not have it."]
                + (answer.why.map { ["Not for \($0)"] } ?? [])
        }
    }
}

struct ReleaseWithdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Take the offer of a release back from a device.",
        discussion: "Example:\n  lifelong release withdraw THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @Flag(help: "Do not wait for a stock client that has begun with it.") var force = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: WithdrawUpdate.Answer = try await connection.client().perform(
            WithdrawUpdate.name, WithdrawUpdate(device: target.device, force: force ? true : nil))
        try connection.show(answer) {
            [answer.withdrawn ? "The offer is taken back." : "Its client has begun, and was asked to stop."]
        }
    }
}
