import Rollout
import Wire

/// What a device's maker says of its board, in one JSON file: where the slots lie, what healthy means, when it may start anew.
/// Everything has a default; what is not known is refused, since a word that was mistyped would be a word that says nothing.
package struct DeviceSettings: Sendable, Equatable {
    package enum Slots: Sendable, Equatable {
        /// Folders in the agent's home.
        case plain
        case uBoot(UBootBoard.Settings)
        case rauc
    }

    package struct Health: Sendable, Equatable {
        /// Units of systemd that have to be active, and how long they may take.
        package var units: [String] = []
        package var unitSeconds = 60
        /// Under /bin/sh; decides with its exit code.
        package var command: String?
        package var commandSeconds = 60
        /// How long the service may be out of reach; 0 does not ask for it.
        package var contactSeconds = 60
        /// What stands for systemctl.
        package var systemctl = ["systemctl"]
        package init() {}
    }

    package var slots = Slots.plain
    package var health = Health()
    package var window: MaintenanceWindow?
    /// Where the device is; the system's own if it is missing.
    package var timeZone: String?
    /// What has the device started anew, where that takes more than starting this program.
    package var restart = ["systemctl", "reboot"]
    /// The file that names this start of the device, if it is not the kernel's.
    package var bootID: String?
    package init() {}

    static let largestBytes = 64 << 10
    /// Between two tries to reach the service.
    static let contactPauseSeconds = 2

    /// Nil if there is no such file.
    package static func read(_ path: String, on disk: any Disk) throws -> DeviceSettings? {
        guard let bytes = try disk.readWhole(path, limit: largestBytes) else { return nil }
        do throws(Refusal) {
            let settings = try CanonicalJSON.decode(DeviceSettings.self, from: bytes, limit: largestBytes)
            try settings.demandBounds()
            return settings
        } catch {
            throw Refusal(
                .malformed, "The settings in \(path) are no good: \(error.detail)",
                hint: "Correct them as docs/agent.md says (\(error.hint))")
        }
    }

    private func demandBounds() throws(Refusal) {
        func demand(_ condition: Bool, _ what: String, _ hint: String) throws(Refusal) {
            if !condition { throw Refusal(.malformed, what, hint: hint) }
        }
        try window?.demandBounds()
        try demand(
            timeZone.map { DeviceZone($0) != nil } ?? true, "\"\(timeZone?.prefix(64) ?? "")\" is no time zone.",
            "Use UTC, an offset such as +02:00, or a name such as Europe/Berlin.")
        for seconds in [health.unitSeconds, health.commandSeconds] {
            try demand((1...3600).contains(seconds), "A time limit is not 1 to 3600 s.", "Give seconds.")
        }
        try demand((0...3600).contains(health.contactSeconds), "contactSeconds is not 0 to 3600.", "Give seconds.")
        try demand(
            health.units.count <= 64 && health.units.allSatisfy(HealthUnits.isName), "A unit has no name of a unit.",
            "Name up to 64 units, such as app.service.")
        try demand(
            restart.first?.isEmpty == false && health.systemctl.first?.isEmpty == false,
            "A command has no program.", "Give the program and its words, such as [\"systemctl\", \"reboot\"].")
        if case .uBoot(let board) = slots {
            try demand(
                board.a.hasPrefix("/") && board.b.hasPrefix("/") && board.a != board.b,
                "The two slots are not two paths.", "Name two devices, such as /dev/mmcblk0p2.")
            try demand(
                board.variable.map { !$0.isEmpty && $0.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 61 } } ?? true,
                "The variable is no name of a variable of U-Boot.", "Use letters, digits and underscores.")
        }
    }

    package func board(on disk: any Disk, home: AgentHome) -> any Board {
        switch slots {
        case .plain: PlainBoard(on: disk, folder: home.slots)
        case .uBoot(let settings): UBootBoard(on: disk, settings, bootID: bootID)
        case .rauc: RAUCBoard(on: disk, folder: home.slots, bootID: bootID)
        }
    }

    package func agentSettings(on disk: any Disk, home: AgentHome) -> AgentSettings {
        var settings = AgentSettings()
        settings.board = board(on: disk, home: home)
        settings.restart = restart
        if !health.units.isEmpty {
            settings.units = HealthUnits(
                health.units, limit: .seconds(health.unitSeconds), systemctl: health.systemctl)
        }
        settings.health = health.command.map { HealthCommand($0, limit: .seconds(health.commandSeconds)) }
        settings.healthPause = .seconds(Self.contactPauseSeconds)
        let pause = Self.contactPauseSeconds
        settings.healthAttempts = (health.contactSeconds + pause - 1) / pause
        settings.window = window
        settings.timeZone = timeZone
        return settings
    }

    /// As /etc/localtime says; nil if it does not.
    package static func systemTimeZone() -> String? {
        let path = PosixPath.resolved("/etc/localtime")
        guard let folder = path.firstRange(of: "/zoneinfo/") else { return nil }
        let name = String(path[folder.upperBound...])
        return DeviceZone(name) == nil ? nil : name
    }
}

extension DeviceSettings: Decodable {
    private enum Key: String, CodingKey, CaseIterable { case slots, health, window, timeZone, restart, bootID }

    package init(from decoder: any Decoder) throws {
        try AnyKey.demand(Key.allCases.map(\.rawValue), in: decoder)
        let box = try decoder.container(keyedBy: Key.self)
        slots = try box.decodeIfPresent(Slots.self, forKey: .slots) ?? .plain
        health = try box.decodeIfPresent(Health.self, forKey: .health) ?? Health()
        window = try box.decodeIfPresent(MaintenanceWindow.self, forKey: .window)
        timeZone = try box.decodeIfPresent(String.self, forKey: .timeZone)
        restart = try box.decodeIfPresent([String].self, forKey: .restart) ?? restart
        bootID = try box.decodeIfPresent(String.self, forKey: .bootID)
    }
}

extension DeviceSettings.Slots: Decodable {
    private enum Key: String, CodingKey { case kind }

    package init(from decoder: any Decoder) throws {
        let kind = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .kind)
        switch kind {
        case "plain", "rauc":
            try AnyKey.demand(["kind"], in: decoder)
            self = kind == "plain" ? .plain : .rauc
        case "u-boot":
            try AnyKey.demand(["kind", "a", "b", "variable", "environment", "commandLine"], in: decoder)
            self = .uBoot(try UBootBoard.Settings(from: decoder))
        default: throw AnyKey.fault("kind", "use plain, u-boot or rauc", in: decoder)
        }
    }
}

extension DeviceSettings.Health: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case units, unitSeconds, command, commandSeconds, contactSeconds, systemctl
    }

    package init(from decoder: any Decoder) throws {
        try AnyKey.demand(Key.allCases.map(\.rawValue), in: decoder)
        let box = try decoder.container(keyedBy: Key.self)
        units = try box.decodeIfPresent([String].self, forKey: .units) ?? units
        unitSeconds = try box.decodeIfPresent(Int.self, forKey: .unitSeconds) ?? unitSeconds
        command = try box.decodeIfPresent(String.self, forKey: .command)
        commandSeconds = try box.decodeIfPresent(Int.self, forKey: .commandSeconds) ?? commandSeconds
        contactSeconds = try box.decodeIfPresent(Int.self, forKey: .contactSeconds) ?? contactSeconds
        systemctl = try box.decodeIfPresent([String].self, forKey: .systemctl) ?? systemctl
    }
}

/// Any word, to find the ones that mean nothing.
private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    static func demand(_ known: [String], in decoder: any Decoder) throws {
        let words = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        guard let strange = words.first(where: { !known.contains($0) }) else { return }
        throw fault(strange, "it means nothing here; there are \(known.joined(separator: ", "))", in: decoder)
    }

    static func fault(_ word: String, _ why: String, in decoder: any Decoder) -> DecodingError {
        let place = decoder.codingPath + [AnyKey(stringValue: String(word.prefix(64)))].compactMap { $0 }
        return .dataCorrupted(.init(codingPath: place, debugDescription: why))
    }
}
