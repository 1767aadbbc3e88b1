import Agent
import ArgumentParser
import Dispatch
import Foundation
import Keys
import KeysFile
import Logging
import Wire

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Live: ask the service, enrol, check in, update, wipe, as it says.",
        discussion: """
            Runs until SIGTERM, or until the device is retired. A release on trial is judged at the start. With slots in plain
            folders starting this program is what booting the device is; with U-Boot or RAUC (--settings, docs/agent.md) the
            device starts anew into the other slot, and back from it.

            Example:
              lifelong-agent run --home /var/lib/lifelong --health-command 'test -s "$LIFELONG_IMAGE"'
            """)

    @OptionGroup var home: HomeOptions

    @Flag(help: "Do what is due now, and end.")
    var once = false

    @Option(help: ArgumentHelp("Between two contacts; otherwise the service says.", valueName: "seconds"))
    var interval: Double?

    @Option(
        help: ArgumentHelp(
            "The first contact comes within so long, at random; otherwise 10, or the interval if that is shorter.",
            valueName: "seconds"))
    var startSpread: Double?

    @Option(
        help: ArgumentHelp(
            "Decides with its exit code whether a new image is healthy; LIFELONG_SLOT and LIFELONG_IMAGE are set.",
            valueName: "command"))
    var healthCommand: String?

    @Option(help: ArgumentHelp("Longest run of the health command, 60 if nothing is said.", valueName: "seconds"))
    var healthSeconds: Int?

    @Option(
        help: ArgumentHelp(
            "Fetch releases no faster than this, from 8 KiB a second on.", valueName: "KiB a second"))
    var downloadLimit: Int?

    @Option(help: ArgumentHelp("The layer of the product that the slots hold.", valueName: "name"))
    var layer = "os"

    @Option(
        help: ArgumentHelp("Version of this device's bootloader, for releases that ask for one.", valueName: "version"))
    var bootloader: String?

    @Option(
        help: ArgumentHelp(
            "Version of this device's network module, for releases that ask for one.", valueName: "version"))
    var network: String?

    @Flag(name: .shortAndLong, help: "Tell more.")
    var verbose = false

    func validate() throws {
        if let interval, !(interval >= 0.1 && interval <= 86_400) {
            throw ValidationError("--interval is 0.1 to 86400 seconds.")
        }
        if let startSpread, !(startSpread >= 0 && startSpread <= 3600) {
            throw ValidationError("--start-spread is 0 to 3600 seconds.")
        }
        if let downloadLimit, !(Self.leastDownloadLimit...(1 << 22)).contains(downloadLimit) {
            throw ValidationError("--download-limit is \(Self.leastDownloadLimit) to \(1 << 22) KiB a second.")
        }
        for version in [bootloader, network].compactMap({ $0 }) where !(1...64).contains(version.utf8.count) {
            throw ValidationError("--bootloader and --network have 1 to 64 bytes.")
        }
        guard (1...3600).contains(healthSeconds ?? 60) else { throw ValidationError("--health-seconds is 1 to 3600.") }
    }

    private static let leastDownloadLimit = DeviceTransport.Limits.leastFastestBytesPerSecond >> 10

    func run() async throws {
        try await explaining {
            try ProcessMemory.keepOutOfCoreDumps()
            SmallHeap.choose()
            DeviceTransport.beOneDevice()
            let place = home.place
            guard FileManager.default.fileExists(atPath: place.unit) else {
                throw Refusal(
                    .unavailable, "No unit was born in \(place.folder).",
                    hint: "Run: lifelong-agent birth --home \(place.folder) --hardware NAME")
            }
            let lock = try HomeLock(place.lock)
            defer { withExtendedLifetime(lock) {} }
            let logger = standardErrorLogger(level: verbose ? .debug : .notice)
            var limits = DeviceTransport.Limits()
            limits.fastestBytesPerSecond = downloadLimit.map { $0 << 10 }
            let transport = DeviceTransport(limits: limits)
            do {
                let agent = try Agent(
                    home: place,
                    around: Surroundings(
                        disk: PosixDisk(), keys: try home.keyStore(), transport: transport, now: systemNow,
                        random: systemRandom, logger: logger),
                    settings: agentSettings())
                let reason = try await untilTerminated { try await agent.run(once: once) }
                logger.notice("\(reason)")
            } catch {
                await transport.shutdown()
                throw error
            }
            await transport.shutdown()
        }
    }

    /// What the file says; an option of the same meaning counts more.
    private func agentSettings() throws -> AgentSettings {
        var device = try home.deviceSettings()
        if let healthCommand { device.health.command = healthCommand }
        if let healthSeconds { device.health.commandSeconds = healthSeconds }
        var settings = device.agentSettings(on: PosixDisk(), home: home.place)
        settings.interval = interval.map { .seconds($0) }
        settings.startSpread = .seconds(startSpread ?? min(10, interval ?? 10))
        settings.layer = layer
        settings.bootloader = bootloader
        settings.network = network
        return settings
    }

    /// Cancels the work at SIGTERM or SIGINT, and waits for it to come to a safe place.
    private func untilTerminated(_ work: @escaping @Sendable () async throws -> String) async throws -> String {
        let task = Task { try await work() }
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }
}
