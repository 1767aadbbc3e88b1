import ArgumentParser
import Passport
import Registry
import Wire

/// The commands that talk to a running server, for the root command's list.
enum RestCommands {
    static let all: [any ParsableCommand.Type] = [
        FleetStatus.self, DeviceCommand.self, PassportCommand.self, BatchCommand.self, ProductCommand.self,
        ReleaseCommand.self, RolloutCommand.self, TUFCommand.self, AlarmCommand.self, LedgerCommand.self,
        PersonCommand.self,
        OwnerCommand.self,
        TokenCommand.self, AuthorityCommand.self, WhoAmICommand.self,
    ]
}

struct FleetStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "today", abstract: "The fleet on one page: what there is, and what needs a person.",
        discussion: "Example:\n  lifelong today")
    @OptionGroup var connection: Connection

    func run() async throws {
        let view: FleetView = try await connection.client().read("fleet")
        try connection.show(view) {
            var lines = view.stages.map { "  \($0.stage.rawValue.padding(to: 14))\($0.count)" }
            lines.append(
                "  \(view.contactedLately) of \(view.devices) made contact in the last \(view.contactMinutes) minutes"
                    + (view.contactedAsOf.map { " before \(Plain.time($0))" } ?? ""))
            if let ledger = view.ledger {
                lines.append("  ledger: \(ledger.publishedSize) of \(ledger.size) entries published")
            }
            lines += view.needsPerson.isEmpty ? ["Nothing needs you."] : ["Needs you:"]
            return lines + view.needsPerson.map { "  \($0.count)  \($0.sentence)" }
        }
    }
}

/// `lifelong alarm …`
struct AlarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarm", abstract: "What a person must look at.",
        subcommands: [AlarmList.self, AlarmAcknowledge.self])
}

struct AlarmList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List open alarms, newest first.",
        discussion: "Example:\n  lifelong alarm list --all")
    @Flag(help: "Acknowledged ones, too.") var all = false
    @Option(help: "Alarms before this one.") var before: Int64?
    @Option(help: "Alarms on a page, 1 to 200.") var limit: Int?
    @OptionGroup var connection: Connection

    func run() async throws {
        let page: AlarmPage = try await connection.client().read(
            "alarms",
            query: [
                ("open", all ? nil : "true"), ("before", before.map(String.init)), ("limit", limit.map(String.init)),
            ])
        try connection.show(page) {
            if page.alarms.isEmpty { return ["No alarm is open."] }
            return Plain.table(
                ["ALARM", "WHEN", "DEVICE", "WHAT"],
                page.alarms.map { ["\($0.index)", Plain.time($0.at), $0.serial ?? "-", "\($0.meaning) \($0.detail)"] })
                + (page.next.map { ["", "More: add --before \($0)"] } ?? [])
        }
    }
}

struct AlarmAcknowledge: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "ack", abstract: "Say that an alarm was seen and dealt with.",
        discussion: "Example:\n  lifelong alarm ack 42")
    @Argument(help: "Its number in the list.") var alarm: Int
    @OptionGroup var connection: Connection
    func input() -> AcknowledgeAlarm { AcknowledgeAlarm(index: alarm) }
    var done: String { "Acknowledged." }
}

/// `lifelong authority …`
struct AuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authority", abstract: "The certificate authorities.", subcommands: [AuthorityListCommand.self])
}

struct AuthorityListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List them with their revocation lists.",
        discussion: "Example:\n  lifelong authority list")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var authorities: [AuthorityView] }
        let answer: Answer = try await connection.client().read("authorities")
        try connection.show(answer) {
            Plain.table(
                ["NAME", "KIND", "UNTIL", "KEY", "REVOCATION LIST"],
                answer.authorities.map {
                    [
                        $0.name, $0.kind,
                        $0.certificate.notAfter.civil.year == 9999 ? "no end" : Plain.time($0.certificate.notAfter),
                        $0.hasKey ? "here" : "elsewhere",
                        $0.revocationList.map { "\($0.number), next \(Plain.time($0.nextUpdate))" } ?? "-",
                    ]
                })
        }
    }
}

struct WhoAmICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Who the server takes you for, and what you may do.",
        discussion: "Example:\n  lifelong whoami --json")
    @OptionGroup var connection: Connection

    func run() async throws {
        let who: WhoAmI = try await connection.client().read("whoami")
        try connection.show(who) {
            [
                "\(who.name ?? "-"), \(who.role.rawValue)\(who.owner.map { " for owner \($0)" } ?? "")",
                "may: \(who.permissions.map(\.rawValue).joined(separator: ", "))",
            ]
        }
    }
}
