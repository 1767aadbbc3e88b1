import ArgumentParser
import Foundation
import Registry
import TUF
import Use
import Wire

/// `lifelong tuf …`
struct TUFCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tuf", abstract: "Update metadata: who may release what, and who signed it.",
        discussion: "How the pieces belong together: docs/updates.md.",
        subcommands: [
            TUFStatus.self, TUFKey.self, TUFRoot.self, TUFSigner.self, TUFDelegate.self, TUFPropose.self, TUFFetch.self,
            TUFShow.self, TUFSign.self, TUFJoin.self, TUFSubmit.self, TUFPublish.self,
        ])
}

/// `lifelong tuf root …`: the ceremony. What is signed is a file, so that it can be carried to machines without a network.
struct TUFRoot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "root", abstract: "The root: which keys speak for the root and for the top-level targets.",
        discussion: """
            Example:
              lifelong tuf root draft --root-key a.pem --root-key b.pem --targets-key c.pem --targets-key d.pem --out root.json
              lifelong tuf show root.json
              lifelong tuf root sign root.json --sha256 SHA256 --keys a-keys --label root-a     (each holder, offline)
              lifelong tuf root join root.json root-of-b.json
              lifelong tuf root publish root.json
            """,
        subcommands: [TUFRootDraft.self, TUFSign.self, TUFJoin.self, TUFPublish.self])
}

struct TUFStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What is published, who signs, and what waits for signatures.",
        discussion: "Example:\n  lifelong tuf status --json")
    @OptionGroup var connection: Connection

    func run() async throws {
        let view: UpdateMetadataView = try await connection.client().read("update-metadata")
        try connection.show(view) {
            guard !view.roles.isEmpty || !view.drafts.isEmpty else {
                return ["No update metadata is published. Begin with: lifelong tuf root draft"]
            }
            return view.roles.flatMap(Self.lines) + view.drafts.flatMap(Self.lines)
        }
    }

    private static func lines(_ role: UpdateRoleView) -> [String] {
        let threshold = role.threshold.map { ", \($0) of its signers" } ?? ""
        return [
            "\(role.role): version \(role.version)" + (role.expires.map { " until \(Plain.time($0))" } ?? "")
                + threshold
        ]
            + role.signers.map { signer in
                "    \(signer.key)  \(signer.person ?? "-")\(signer.isInToken == true ? ", in a token" : "")"
                    + (signer.isPublished ? "" : ", not published yet")
            }
    }

    private static func lines(_ draft: UpdateDraftView) -> [String] {
        [
            "draft \(draft.draft)",
            "    \(draft.role) version \(draft.version), proposed by \(draft.proposedBy ?? "-"), until \(Plain.time(draft.expires))",
        ] + draft.signatures.map { "    signed: \($0.key)  \($0.person ?? "-")" }
    }
}

struct TUFRootDraft: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Draft the first root, or the next; what is not named stays.",
        discussion: """
            Examples:
              lifelong tuf root draft --root-key a.pem --root-key b.pem --targets-key c.pem --targets-key d.pem --out root.json
              lifelong tuf root draft --out root.json       (the same for another year, and after the server's keys moved)
            """)
    @Option(help: ArgumentHelp("PEM of a public key that signs the root; give it once for each.", valueName: "file"))
    var rootKey: [String] = []
    @Option(help: "Signatures that a root needs.") var rootThreshold: Int?
    @Option(help: ArgumentHelp("PEM of a public key that signs the top-level targets.", valueName: "file"))
    var targetsKey: [String] = []
    @Option(help: "Signatures that the top-level targets need.") var targetsThreshold: Int?
    @Option(help: "Life of the root in days.") var days = 365
    @Option(help: ArgumentHelp("Where the draft goes.", valueName: "file")) var out: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let input = DraftRoot(
            rootKeys: rootKey.isEmpty ? nil : try rootKey.map(PublicKeyFile.base64), rootThreshold: rootThreshold,
            targetsKeys: targetsKey.isEmpty ? nil : try targetsKey.map(PublicKeyFile.base64),
            targetsThreshold: targetsThreshold, days: days)
        try await MetadataFile.propose(DraftRoot.name, input, out: out, connection)
    }
}

/// `lifelong tuf signer …`
struct TUFSigner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signer", abstract: "Whose keys sign for a product or one of its layers.",
        subcommands: [TUFSignerAdd.self, TUFSignerRemove.self])
}

struct TUFSignerAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Register a person's key; devices hear of it with lifelong tuf delegate.",
        discussion: """
            A release needs the signatures of two persons, one of them with a key in a token. Say --in-token only of a key that
            was made in one and cannot leave it: a public key does not show that.

            Example:
              lifelong tuf signer add thermostat-2 --layer os --person grace --key grace.pem --in-token
            """)
    @Argument(help: "The product.") var product: String
    @Option(help: "The layer, such as os; without one, the product itself, which says who signs for its layers.")
    var layer: String?
    @Option(help: "Name of the person.") var person: String
    @Option(help: ArgumentHelp("PEM of the public key.", valueName: "file")) var key: String
    @Flag(help: "The key was made in a PKCS#11 token.") var inToken = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let input = AddSigner(
            product: try ProductID(product), layer: layer, person: person, key: try PublicKeyFile.base64(key),
            inToken: inToken)
        let answer: AddSigner.Answer = try await connection.client().perform(AddSigner.name, input)
        try connection.show(answer) { ["The key \(answer.key) of \(person) is registered."] }
    }
}

struct TUFSignerRemove: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a key away from those that sign.",
        discussion: """
            What it signed and is not published counts no more. Devices hear of it with the next lifelong tuf delegate.

            Example:
              lifelong tuf signer remove thermostat-2 --layer os --key KEY
            """)
    @Argument(help: "The product.") var product: String
    @Option(help: "The layer; without one, the product itself.") var layer: String?
    @Option(help: "The key's name, from lifelong tuf status.") var key: String
    @OptionGroup var connection: Connection
    func input() throws -> RemoveSigner {
        RemoveSigner(product: try ProductID(product), layer: layer, key: try MetadataFile.digest(key))
    }
    var done: String { "The key signs no more." }
}

struct TUFDelegate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delegate", abstract: "Draft the document that tells devices who signs for a product or layer.",
        discussion: """
            For a product the next top-level targets, which the root's keys for targets sign; for a layer the product's document,
            which the product's signers sign.

            Examples:
              lifelong tuf delegate thermostat-2 --out targets.json
              lifelong tuf delegate thermostat-2 --layer os --out product.json
            """)
    @Argument(help: "The product.") var product: String
    @Option(help: "The layer; without one, the product itself.") var layer: String?
    @Option(help: "Signatures that are needed.") var threshold = 2
    @Option(help: "Life of the document in days.") var days = 365
    @Option(help: ArgumentHelp("Where the draft goes.", valueName: "file")) var out: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let input = DelegateUpdates(product: try ProductID(product), layer: layer, threshold: threshold, days: days)
        try await MetadataFile.propose(DelegateUpdates.name, input, out: out, connection)
    }
}

struct TUFPropose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "propose",
        abstract: "Propose a release of a layer: upload its artifact, draft the layer's next document.",
        discussion: """
            Without a file the layer's document is drafted as it is, for longer; --withdraw takes releases off. What --encrypt and
            --may-return say is in what is signed.

            Examples:
              lifelong tuf propose thermostat-2 os image.raucb --sequence 7 --version-name 1.4.2 --hardware th2-rev-b --out os.json
              lifelong tuf propose thermostat-2 os --withdraw 7 --out os.json
            """)
    @Argument(help: "The product.") var product: String
    @Argument(help: "The layer, such as os.") var layer: String
    @Argument(help: "The artifact's file.") var file: String?
    @Option(help: "Number of the release; higher than every one before.") var sequence: Int?
    @Option(help: "What people call it, such as 1.4.2.") var versionName: String?
    @Option(help: "Hardware that it may run on; give it once for each.") var hardware: [String] = []
    @Option(help: "A version that it may follow; none: any.") var from: [String] = []
    @Option(help: "A version of the bootloader that it starts under; none: any.") var bootloader: [String] = []
    @Option(help: "A version of the network module that it speaks with; none: any.") var network: [String] = []
    @Flag(help: "Encrypt it; each device gets the key for its own certificate.") var encrypt = false
    @Flag(help: "Let devices that run it go back to the release that is listed before it; that is signed.")
    var mayReturn = false
    @Option(help: "Number of a release that is to be listed no more.") var withdraw: [Int] = []
    @Option(help: "Life of the document in days.") var days = 180
    @Option(help: ArgumentHelp("Where the draft goes.", valueName: "file")) var out: String
    @OptionGroup var evidence: EvidenceOptions
    @OptionGroup var connection: Connection

    func run() async throws {
        var release: ProposeRelease.Release?
        if let file {
            guard let sequence, let versionName else {
                throw Refusal(
                    .malformed, "The release has no number or no version.",
                    hint: "Give --sequence and --version-name with the file.")
            }
            let client = try connection.client()
            let upload = try await EncryptedUpload.run(file, encrypting: encrypt, to: client)
            let attached = try await evidence.upload(to: client)
            release = .init(
                sequence: sequence, version: versionName, hardware: hardware, from: from, bootloader: bootloader,
                network: network, sha256: upload.sha256, size: upload.size, encryption: upload.secret,
                mayReturn: mayReturn ? true : nil, sbom: attached.sbom, provenance: attached.provenance)
        }
        let isOfRelease =
            sequence != nil || versionName != nil || encrypt || mayReturn
            || ![hardware, from, bootloader, network].allSatisfy(\.isEmpty)
        guard file != nil || !isOfRelease else {
            throw Refusal(
                .malformed, "There is no file for the release that is described.",
                hint: "Name the artifact's file behind the layer, or leave the release's options out.")
        }
        let input = ProposeRelease(
            product: try ProductID(product), layer: layer, release: release,
            withdraws: withdraw.isEmpty ? nil : withdraw, days: days)
        try await MetadataFile.propose(ProposeRelease.name, input, out: out, connection)
    }
}
