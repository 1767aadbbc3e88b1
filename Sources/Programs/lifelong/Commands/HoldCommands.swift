import ArgumentParser
import Registry
import Use
import Wire

struct DeviceHold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Keep a device from releases above one, until it is released (unhold).",
        discussion: "Example:\n  lifelong device hold THERMOSTAT-2-7KQ2M9XA --highest 6")
    @OptionGroup var target: DeviceArgument
    @Option(help: "The highest release that it may be offered; what it runs now unless told.") var highest: Int?
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: HoldUpdates.Answer = try await connection.client().perform(
            HoldUpdates.name, HoldUpdates(device: target.device, highest: highest))
        try connection.show(answer) { ["\(target.device) is offered no release above \(answer.highest)."] }
    }
}

struct DeviceUnhold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unhold", abstract: "Let a device be offered releases like any other again.",
        discussion: "Example:\n  lifelong device unhold THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection

    func run() async throws {
        let done: Done = try await connection.client().perform(
            ReleaseUpdates.name, ReleaseUpdates(device: target.device))
        try connection.show(done) { ["\(target.device) is offered releases again."] }
    }
}
