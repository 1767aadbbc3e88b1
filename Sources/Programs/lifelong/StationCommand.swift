import ArgumentParser
import Foundation
import Keys
import KeysFile
import Station
import Wire

/// `lifelong station`: the line's side, without any network.
struct StationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "station", abstract: "Give units their identity at the factory line, offline.",
        discussion: "One page for the line's operator: docs/station.md.",
        subcommands: [
            StationInitCommand.self, StationRunCommand.self, StationCloseCommand.self, StationStatusCommand.self,
            StationLabelCommand.self, StationMoveCommand.self, StationRetireCommand.self,
        ])
}

/// What all verbs of a station share.
struct StationFolder: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The station's folder.", valueName: "folder"))
    var home: String

    var station: StationHome { StationHome(home) }

    @OptionGroup(title: "Keys in a token") var token: TokenOptions

    func keys() throws -> any KeyStore { try token.configuration.open(folder: home + "/keys", home: home) }

    static let clock: @Sendable () -> Timestamp = {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}

/// Reading what a person carries to a station.
enum StationInput {
    static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path), let data = try file.read(upToCount: limit + 1) else {
            throw Refusal(.notFound, "The file \(path) cannot be read.", hint: "Check the path and its permissions.")
        }
        guard data.count <= limit else {
            throw Refusal(.tooLarge, "\(path) has more than \(limit) bytes.", hint: "Check that it is the right file.")
        }
        return Array(data)
    }

    /// SPKI from a PEM file with one PUBLIC KEY.
    static func publicKey(_ path: String?) throws -> [UInt8]? {
        guard let path else { return nil }
        let blocks = try PEM.decode(String(decoding: try read(path), as: UTF8.self))
        guard blocks.count == 1, blocks[0].label == "PUBLIC KEY" else {
            throw Refusal(
                .malformed, "\(path) is not one public key.",
                hint: "Give the maker's permit key as a PEM file with a PUBLIC KEY block.")
        }
        return blocks[0].der
    }
}

struct StationInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make the station's two keys and the request to the maker.")

    @OptionGroup var folder: StationFolder
    @Option(help: "The station's name, such as line-1.") var name: String
    @Option(help: ArgumentHelp("The maker's permit key, pinned from now on.", valueName: "spki.pem"))
    var makerKey: String?
    @Flag(help: "Print the request as JSON.") var json = false

    func run() throws {
        let keys = try folder.keys()
        let request = try InitializeStation(
            home: folder.station, name: name, makerKey: try StationInput.publicKey(makerKey)
        ).perform(keys: keys)
        if json {
            print(try CanonicalJSON.pretty(request))
        } else {
            print(
                """
                Station \(name) is ready. Its private keys stay here: \(keys.kind).
                Carry \(folder.station.requestFile) to the maker; a permit comes back.
                """)
        }
    }
}

struct StationCloseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "End a batch and write its signed manifest.")

    @OptionGroup var folder: StationFolder
    @Option(help: "The batch's name.") var batch: String
    @Option(help: "Where the manifest goes; else it stays in the batch's folder.") var out: String?
    @Flag(help: "Print the outcome as JSON.") var json = false

    private struct Outcome: Encodable {
        var batch: BatchID
        var births: Int
        var manifest: String
        var labels: String
    }

    func run() throws {
        let batch = try BatchID(batch)
        let seal = try CloseBatch(home: folder.station, batch: batch).perform(
            keys: try folder.keys(), at: StationFolder.clock())
        let files = folder.station.folder(of: batch)
        if let out { try DurableFile.write(try CanonicalJSON.encode(seal), to: out, mode: 0o644) }
        let manifest = try CanonicalJSON.decode(
            BirthManifest.self, from: try seal.payloadBytes(), limit: CloseBatch.maximumManifestBytes)
        let outcome = Outcome(
            batch: batch, births: manifest.births.count, manifest: out ?? files.manifest, labels: files.sheet)
        if json { return print(String(decoding: try CanonicalJSON.encode(outcome), as: UTF8.self)) }
        print(
            """
            Batch \(batch) is closed with \(outcome.births) births.
            Carry \(outcome.manifest) to the maker. Labels to print: \(outcome.labels)
            Delete \(files.labels) and \(files.sheet) after printing: they hold the pairing secrets.
            """)
    }
}

struct StationStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the station's batches and what is left of their permits.")

    @OptionGroup var folder: StationFolder
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let status = try StationStatus(folder.station, at: StationFolder.clock())
        if json { return print(try CanonicalJSON.pretty(status)) }
        print("Station \(status.name)" + (status.isMakerKeyPinned ? "" : " (the maker's key is not pinned)"))
        if status.batches.isEmpty { print("No batch yet.") }
        for batch in status.batches {
            let state =
                batch.isClosed ? "closed" : batch.isExpired ? "permit ended \(batch.expires)" : "until \(batch.expires)"
            print(
                "\(batch.batch): \(batch.born) of \(batch.quantity) born, \(batch.refused) refusals, \(state)"
                    + " (\(batch.product), \(batch.hardware))")
        }
    }
}

struct StationLabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Show the label of one unit, with its pairing secret.")

    @OptionGroup var folder: StationFolder
    @Argument(help: "The unit's serial.") var serial: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let (label, file) = try folder.station.label(serial)
        if json { return print(try CanonicalJSON.pretty(label)) }
        print(try QRCode(label.payload).text(colored: isatty(STDOUT_FILENO) == 1), terminator: "")
        print("Product \(label.product)\nSerial  \(label.serial)\nCode    \(label.code)")
        if let secret = label.secret { print("Secret  \(secret)") }
        print("File    \(file)")
    }
}
