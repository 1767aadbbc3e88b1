import ArgumentParser
import Foundation
import Keys
import KeysFile
import Station
import Wire

struct StationRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Give identities to the units on a line, as the permit allows.")

    @OptionGroup var folder: StationFolder
    @Option(help: ArgumentHelp("The maker's permit.", valueName: "permit.json")) var permit: String
    @Option(help: ArgumentHelp("The maker's permit key, if it was not pinned by init.", valueName: "spki.pem"))
    var makerKey: String?
    @Option(help: "exec:COMMAND with {n} for the unit's number, unix:PATH, pty:PATH or stdio.") var line = "stdio"
    @Option(help: "Units to serve; without it, all that the permit allows.") var count: Int?
    @Flag(inversion: .prefixedNo, help: "Whether labels carry a one-time pairing secret.") var labelSecrets = true
    @Option(help: "Beginning of the serials that the station assigns.") var serialPrefix: String?
    @Option(help: "Units at the same time, at most 4.") var atOnce = 1
    @Option(help: "Seconds that a unit may take for one answer.") var answerSeconds: Double = 60
    @Flag(help: "Print one JSON object a unit, and a last one for the run.") var json = false

    func validate() throws {
        guard count.map({ $0 > 0 }) ?? true, (1...4).contains(atOnce), (0.1...3600).contains(answerSeconds) else {
            throw ValidationError("--count is at least 1, --at-once 1 to 4, --answer-seconds 0.1 to 3600.")
        }
    }

    func run() throws {
        let address = try LineAddress(line)
        let file = try CanonicalJSON.decode(PermitFile.self, from: try StationInput.read(permit))
        let batch = try Batch.open(
            folder.station, permit: file.permit, successions: file.successions ?? [],
            makerKey: try StationInput.publicKey(makerKey), keys: try folder.keys(),
            options: Batch.Options(serialPrefix: serialPrefix, labelSecrets: labelSecrets), clock: StationFolder.clock)
        let source = try address.open(UnitLine.Patience(answerSeconds: answerSeconds))
        let run = RunBatch(batch, source: source, count: count, atOnce: atOnce)
        let view = RunView(expected: run.expected, json: json, toStandardError: address == .standard)
        if !json { view.say("Batch \(batch.permit.permit.batch): \(batch.remaining) identities left. Line \(line).") }
        let summary = run.perform { view.show($0) }
        view.end(summary)
        try batch.writeLabelSheet()
        if let refusal = summary.stopped { throw refusal }
        guard summary.born + summary.resumed >= run.expected else { throw ExitCode.failure }
    }
}

/// A run as it happens: a bar on a terminal, plain lines elsewhere, or JSON.
private final class RunView: Sendable {
    private struct Counts {
        var done = 0
        var refused = 0
    }
    private let counts = Locked(Counts())
    private let expected: Int
    private let json: Bool
    private let output: FileHandle
    private let isBar: Bool
    private let began = ContinuousClock.now

    /// - Parameter toStandardError: where standard output is the line to the unit.
    init(expected: Int, json: Bool, toStandardError: Bool) {
        self.expected = expected
        self.json = json
        output = toStandardError ? .standardError : .standardOutput
        isBar = !json && isatty(output.fileDescriptor) == 1
    }

    func say(_ line: String) { output.write(Data((line + "\n").utf8)) }

    func show(_ unit: UnitReport) {
        if json { return say(encoded(unit)) }
        let now = counts.withLock { counts in
            if unit.outcome == .refused { counts.refused += 1 } else { counts.done += 1 }
            return counts
        }
        let sentence = Self.sentence(unit)
        guard isBar else { return say("\(now.done) of \(expected): \(sentence)") }
        if unit.outcome == .refused { output.write(Data("\r\u{1b}[K\(sentence)\n".utf8)) }
        output.write(Data("\r\u{1b}[K\(bar(now))".utf8))
    }

    func end(_ summary: RunBatch.Summary) {
        if json { return say(encoded(summary)) }
        if isBar { say("") }
        say(
            "\(summary.born) born, \(summary.resumed) resumed, \(summary.refused) refused; "
                + "\(summary.remaining) identities left.")
    }

    private func encoded(_ value: some Encodable) -> String {
        (try? CanonicalJSON.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func sentence(_ unit: UnitReport) -> String {
        let name = unit.serial.map { " \($0)" } ?? ""
        switch unit.outcome {
        case .born: return "unit \(unit.unit)\(name) is born"
        case .resumed: return "unit \(unit.unit)\(name) got its certificate again"
        case .refused: return "unit \(unit.unit)\(name) was refused: " + (unit.refusal.map(\.description) ?? "")
        }
    }

    private func bar(_ counts: Counts) -> String {
        let width = 30
        let filled = expected > 0 ? min(width, counts.done * width / expected) : width
        let seconds = Double((ContinuousClock.now - began).components.seconds) + 0.001
        let rate = String(format: "%.1f", Double(counts.done) / max(seconds, 1))
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "] "
            + "\(counts.done) of \(expected), \(rate) a second, \(counts.refused) refused"
    }
}
