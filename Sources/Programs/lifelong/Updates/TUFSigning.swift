import ArgumentParser
import Foundation
import Keys
import Registry
import TUF
import Trust
import Use
import Wire

/// A key of whoever signs: a file, or in a token.
struct SigningKeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder of keys as files: the development default.", valueName: "folder"))
    var keys = "update-keys"
    @OptionGroup(title: "Keys in a token") var token: TokenOptions

    func store() throws -> any KeyStore {
        try ProcessMemory.keepOutOfCoreDumps()
        return try token.configuration.open(folder: keys, home: FileManager.default.currentDirectoryPath)
    }
}

struct TUFKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make a key that signs update metadata, or show the one that is there; no server needed.",
        discussion: """
            Examples:
              lifelong tuf key grace-os --public grace.pem --keys-module /usr/lib/softhsm/libsofthsm2.so --token grace --pin-file pin
              lifelong tuf key root-a --public root-a.pem --keys root-a-keys
            """)
    @Argument(help: "Its label.") var label: String
    @Option(name: .customLong("public"), help: ArgumentHelp("Where its public half goes, as PEM.", valueName: "file"))
    var publicFile: String
    @OptionGroup var options: SigningKeyOptions

    func run() throws {
        let store = try options.store()
        let key = try store.findOrMake(KeyLabel(label), algorithm: .p256)
        try OutputFile.write(PEM.encode(key.publicKeyDER, label: "PUBLIC KEY"), to: publicFile)
        print(
            "\(try MetadataKey(spki: key.publicKeyDER).keyid)  in \(try store.place(of: KeyLabel(label)) ?? store.kind)"
        )
    }
}

struct TUFFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch a draft by its SHA-256, to look at it and to sign it.",
        discussion: "Example:\n  lifelong tuf fetch SHA256 --out os.json")
    @Argument(help: "SHA-256 of the draft, from lifelong tuf status.") var draft: String
    @Option(help: ArgumentHelp("Where the draft goes.", valueName: "file")) var out: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let file = try await MetadataFile.fetch(try MetadataFile.digest(draft), connection.client())
        try file.write(to: out)
        let fetched = Fetched(draft: file.content, file: out, says: try file.sentences())
        try connection.show(fetched) { fetched.says }
    }

    private struct Fetched: Encodable {
        var draft: Wire.Digest
        var file: String
        var says: [String]
    }
}

struct TUFShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Say what a draft says, and its SHA-256; no server needed.",
        discussion: "Example:\n  lifelong tuf show os.json")
    @Argument(help: "The draft's file.") var file: String

    func run() throws { for line in try MetadataFile(path: file).sentences() { print(Plain.text(line)) } }
}

struct TUFSign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign a draft that you have looked at, in its file; no server needed.",
        discussion: """
            Examples:
              lifelong tuf sign os.json --sha256 SHA256 --label grace-os --keys-module /usr/lib/softhsm/libsofthsm2.so --token grace --pin-file pin
              lifelong tuf sign root.json --sha256 SHA256 --label root-a --keys root-a-keys
            """)
    @Argument(help: "The draft's file.") var file: String
    @Option(help: "SHA-256 of what you looked at, from lifelong tuf show.") var sha256: String
    @Option(help: "The key's label.") var label: String
    @OptionGroup var options: SigningKeyOptions

    func run() throws {
        var draft = try MetadataFile(path: file)
        guard draft.content == (try MetadataFile.digest(sha256)) else {
            throw Refusal(
                .conflict, "\(file) has the SHA-256 \(draft.content): it is not what you looked at.",
                hint: "Look at it again: lifelong tuf show \(file)", rule: "draft: exact bytes")
        }
        try draft.sign(with: try options.store().require(KeyLabel(label)))
        try draft.write(to: file)
        print("Signed \(draft.content).")
    }
}

struct TUFJoin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Gather the signatures of copies of one draft in the first file; no server needed.",
        discussion: "Example:\n  lifelong tuf join root.json root-of-b.json root-of-c.json")
    @Argument(help: "The draft's file, and its copies.") var files: [String]

    func run() throws {
        guard let first = files.first, files.count > 1 else {
            throw Refusal(.malformed, "There is nothing to join.", hint: "Name the draft's file and its copies.")
        }
        var draft = try MetadataFile(path: first)
        for path in files.dropFirst() { try draft.join(MetadataFile(path: path), from: path) }
        try draft.write(to: first)
        print("\(first) has \(draft.signatures.count) signatures.")
    }
}

struct TUFSubmit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Hand the signatures of a draft's file in.",
        discussion: "Example:\n  lifelong tuf submit os.json")
    @Argument(help: "The draft's file.") var file: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let draft = try MetadataFile(path: file)
        let count = try await draft.handIn(connection.client())
        try connection.show(Submitted(draft: draft.content, signatures: count)) {
            [count == 1 ? "1 signature was handed in." : "\(count) signatures were handed in."]
        }
    }

    private struct Submitted: Encodable {
        var draft: Wire.Digest
        var signatures: Int
    }
}

struct TUFPublish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish drafts that have their signatures, together.",
        discussion: """
            Signatures in files are handed in first.

            Examples:
              lifelong tuf publish SHA256
              lifelong tuf publish targets.json product.json
            """)
    @Argument(help: "Drafts: files, or their SHA-256.") var drafts: [String]
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        var named: [Wire.Digest] = []
        for draft in drafts {
            if FileManager.default.fileExists(atPath: draft) {
                let file = try MetadataFile(path: draft)
                _ = try await file.handIn(client)
                named.append(file.content)
            } else {
                named.append(try MetadataFile.digest(draft))
            }
        }
        let answer: Done = try await client.perform(PublishMetadata.name, PublishMetadata(drafts: named))
        try connection.show(answer) { ["Published, with a new snapshot and timestamp."] }
    }
}
