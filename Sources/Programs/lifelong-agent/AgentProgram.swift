import Agent
import ArgumentParser
import Foundation
import Keys
import KeysFile
import Logging
import Wire

/// The device's side of Lifelong: born at a station, then asking its service what it is and becoming that.
@main
struct AgentProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifelong-agent",
        abstract: "The device's side of Lifelong: birth, enrolment, updates, wipe.",
        discussion: """
            A unit is born once, at a station, and then runs for life:

              lifelong-agent birth --home /var/lib/lifelong --hardware thermostat-2-rev-b --line pty:/dev/ttyUSB0
              lifelong-agent run --home /var/lib/lifelong
              lifelong-agent status --home /var/lib/lifelong
              lifelong-agent doctor --home /var/lib/lifelong
            """,
        version: "0.1.0",
        subcommands: [
            BirthCommand.self, RunCommand.self, StatusCommand.self, LogCommand.self, DoctorCommand.self,
        ])
}

/// What every command needs.
struct HomeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder of the device's state (0700).", valueName: "folder"))
    var home = "/var/lib/lifelong"

    @Option(
        help: ArgumentHelp(
            "Settings of the board: slots, health, hours (docs/agent.md). The default may be missing.",
            valueName: "file"))
    var settings = Self.defaultSettings

    static let defaultSettings = "/etc/lifelong-agent.json"

    var place: AgentHome { AgentHome(home) }

    func deviceSettings() throws -> DeviceSettings {
        var found = try DeviceSettings.read(settings, on: PosixDisk())
        guard found != nil || settings == Self.defaultSettings else {
            throw Refusal(.notFound, "There are no settings at \(settings).", hint: "Check the path.")
        }
        found = found ?? DeviceSettings()
        if found?.timeZone == nil { found?.timeZone = DeviceSettings.systemTimeZone() }
        return found ?? DeviceSettings()
    }

    /// The key engine of this program: files, the development default, until a TPM is wired in.
    func keyStore() throws -> any KeyStore { try FileKeyStore(folder: place.keys) }
}

/// Errors for a person: the sentence, then what to do.
func explaining<T>(_ body: () async throws -> T) async throws -> T {
    do {
        return try await body()
    } catch let refusal as Refusal {
        FileHandle.standardError.write(Data("error: \(refusal.detail)\nhint: \(refusal.hint)\n".utf8))
        throw ExitCode.failure
    }
}

func systemNow() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

func systemRandom(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

/// Standard output may be the line to the station: everything that is told goes to standard error.
func standardErrorLogger(level: Logger.Level) -> Logger {
    var logger = Logger(label: "lifelong-agent") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = level
    return logger
}
