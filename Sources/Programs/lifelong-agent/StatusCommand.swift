import Agent
import ArgumentParser
import Foundation
import Wire

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What the device is and has, from its own disk; checks its log and its image.",
        discussion: """
            Makes no contact. Ends with 1 if the log or the running image is broken.

            Example:
              lifelong-agent status --home /var/lib/lifelong --json
            """)

    @OptionGroup var home: HomeOptions

    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let status = try await explaining {
            let disk = PosixDisk()
            return try HomeStatus(
                of: home.place, on: disk, board: home.deviceSettings().board(on: disk, home: home.place))
        }
        print(json ? try CanonicalJSON.pretty(status) : Self.text(status))
        guard status.log.brokenAt == nil, status.image.whole else { throw ExitCode.failure }
    }

    static func text(_ status: HomeStatus) -> String {
        var lines = [
            (
                "unit",
                "\(status.unit.serial), a \(status.unit.product) on \(status.unit.hardware), born \(status.unit.born)"
            ),
            ("service", status.service),
        ]
        if let word = status.lastWord {
            lines.append(("device", word.device.text))
            lines.append(("last word", "\(word.state.rawValue), at \(word.at): \(word.reason) \(word.hint)"))
        }
        lines.append(
            (
                "certificate",
                status.operational.map { "until \($0.notAfter), renewed from \($0.renewal)" } ?? "none: not enrolled"
            ))
        let image = status.image
        lines.append(
            (
                "image",
                "slot \(image.slot.rawValue), release \(image.sequence) (\(image.version))"
                    + (image.onTrial ? ", on trial" : "") + (image.whole ? "" : ", BROKEN")
            ))
        lines.append(("configuration", status.configuration == 0 ? "none" : "version \(status.configuration)"))
        lines.append(
            (
                "log",
                "\(status.log.entries) entries, "
                    + (status.log.brokenAt.map { "BROKEN at entry \($0)" } ?? "chain whole")
            ))
        if status.receiptsWaiting > 0 { lines.append(("receipts", "\(status.receiptsWaiting) waiting to be sent")) }
        if status.wipeOutstanding { lines.append(("wipe", "not finished")) }
        if status.retired { lines.append(("retired", "makes no contact any more")) }
        return lines.map { $0.0.padding(toLength: 15, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
    }
}

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Print the device's own log, and check its chain.",
        discussion: """
            Ends with 1 if an entry does not fit the one before.

            Example:
              lifelong-agent log --home /var/lib/lifelong
            """)

    @OptionGroup var home: HomeOptions

    @Flag(help: "As JSON, one entry a line.")
    var json = false

    func run() async throws {
        let entries = try await explaining { try HomeStatus.readLog(of: home.place, on: PosixDisk()) }
        for entry in entries {
            let line =
                json
                ? String(decoding: try CanonicalJSON.encode(entry), as: UTF8.self)
                : "\(entry.index)  \(entry.at)  \(entry.kind)  \(entry.text)"
            print(line)
        }
        if let broken = DeviceLog.firstFault(in: entries) {
            FileHandle.standardError.write(Data("error: The chain is broken at entry \(broken).\n".utf8))
            throw ExitCode.failure
        }
    }
}
