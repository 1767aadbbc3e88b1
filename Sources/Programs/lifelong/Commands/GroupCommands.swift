import ArgumentParser
import Registry
import Selection
import Use
import Wire

/// `lifelong group …`: names for selectors, that searches and rollouts use.
struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Names for sets of devices, used in searches and rollouts.",
        subcommands: [GroupListCommand.self, GroupSetCommand.self, GroupRemoveCommand.self])
}

struct GroupListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the groups.", discussion: "Example:\n  lifelong group list")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var groups: [GroupView] }
        let answer: Answer = try await connection.client().read("groups")
        try connection.show(answer) {
            Plain.table(
                ["GROUP", "MEANS", "SINCE"],
                answer.groups.map { [Plain.text($0.group), Plain.text($0.selector), Plain.time($0.at)] })
        }
    }
}

struct GroupSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Say which devices a group means; rollouts that are planned already stay as they are.",
        discussion: """
            Examples:
              lifelong group set canaries 'label.ring = canary and seen < 7d'
              lifelong device list --where 'group = canaries'
            """)
    @Argument(help: "Its name.") var group: String
    @Argument(help: "A selector (docs/rollouts.md).") var selector: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let done: Done = try await connection.client().perform(
            SetGroup.name, SetGroup(group: group, selector: try Selector(selector)))
        try connection.show(done) { ["The group \(group) is defined."] }
    }
}

struct GroupRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a group's name away; no device is touched.",
        discussion: "Example:\n  lifelong group remove canaries")
    @Argument(help: "Its name.") var group: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let done: Done = try await connection.client().perform(RemoveGroup.name, RemoveGroup(group: group))
        try connection.show(done) { ["The group \(group) is removed."] }
    }
}

struct DeviceLabel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Write words on devices, or take them off, for selectors to ask for.",
        discussion: "Example:\n  lifelong device label THERMOSTAT-2-7KQ2M9XA --set ring=canary --remove site")
    @Argument(help: "Serials or names.") var devices: [String]
    @Option(help: "NAME=VALUE; give it once for each.") var set: [String] = []
    @Option(help: "NAME; give it once for each.") var remove: [String] = []
    @OptionGroup var connection: Connection

    func run() async throws {
        var labels: [String: String] = [:]
        for text in set {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Refusal(.malformed, "\"\(text)\" is no label.", hint: "Write it like ring=canary.")
            }
            labels[parts[0]] = parts[1]
        }
        let client = try connection.client()
        struct Total: Codable { var changed: Int }
        var total = Total(changed: 0)
        for start in stride(from: 0, to: devices.count, by: LabelDevices.limit) {
            let part = Array(devices[start..<min(start + LabelDevices.limit, devices.count)])
            let answer: LabelDevices.Answer = try await client.perform(
                LabelDevices.name, LabelDevices(devices: part, labels: labels, without: remove))
            total.changed += answer.changed
        }
        let answer = total
        try connection.show(answer) { ["The labels of \(answer.changed) devices were changed."] }
    }
}
