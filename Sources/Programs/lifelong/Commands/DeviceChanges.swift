import ArgumentParser
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Transfer
import Use
import Wire

struct DeviceShip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ship", abstract: "Mark devices as having left the maker.",
        discussion: "Example:\n  lifelong device ship THERMOSTAT-2-7KQ2M9XA THERMOSTAT-2-9QX1B4WD")
    @Argument(help: "Serials or names.") var devices: [String]
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: ShipDevices.Answer = try await connection.client().perform(
            ShipDevices.name, ShipDevices(devices: devices))
        try connection.show(answer) { ["Shipped \(answer.shipped); \(answer.unchanged) had left before."] }
    }
}

struct DevicePair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair", abstract: "Make a device yours.",
        discussion: """
            Grades: declared (the serial), label (and the code on its label), secret (and its one-time secret), proven (the
            device itself signs). The secret comes from --secret-file, LIFELONG_PAIRING_SECRET or a prompt.

            Example:
              lifelong device pair THERMOSTAT-2-7KQ2M9XA --grade secret --secret-file secret.txt
            """)
    @OptionGroup var target: DeviceArgument
    @Option(help: "How strongly you prove it: declared, label, secret or proven.") var grade: Grade = .declared
    @Option(help: "The code on the label.") var labelCode: String?
    @Option(help: ArgumentHelp("File with the one-time secret.", valueName: "file")) var secretFile: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        let secret =
            try grade == .secret || secretFile != nil
            ? SecretInput.read(file: secretFile, variable: "LIFELONG_PAIRING_SECRET", prompt: "Pairing secret") : nil
        let input = PairDevice(device: target.device, grade: grade, labelCode: labelCode, secret: secret)
        let answer: PairDevice.Answer = try await connection.client().perform(PairDevice.name, input)
        try connection.show(answer) {
            switch answer.state {
            case .paired: ["The device is yours."]
            case .waitingForProof: ["Switch the device on within 15 minutes: it proves itself at its next contact."]
            }
        }
    }
}

extension Grade: ExpressibleByArgument {}
extension RetirementKind: ExpressibleByArgument {}

/// A change that answers nothing but "done".
protocol PlainChange: AsyncParsableCommand {
    associatedtype Input: Action where Input.Answer == Done
    var connection: Connection { get }
    func input() throws -> Input
    /// What is said afterwards.
    var done: String { get }
}

extension PlainChange {
    mutating func run() async throws {
        let answer: Done = try await connection.client().perform(Input.name, try input())
        let said = done
        try connection.show(answer) { [said] }
    }
}

struct DeviceUnlock: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Let a device be paired again that locked after wrong codes.",
        discussion: "Example:\n  lifelong device unlock THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection
    func input() -> UnlockPairing { UnlockPairing(device: target.device) }
    var done: String { "The device can be paired again." }
}

struct DeviceConfigure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure", abstract: "Give your device its configuration.",
        discussion: "Example:\n  lifelong device configure THERMOSTAT-2-7KQ2M9XA settings.json")
    @OptionGroup var target: DeviceArgument
    @Argument(help: "File with a JSON object.") var file: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let document = String(decoding: try InputFile.read(file, limit: ConfigureDevice.maximumBytes), as: UTF8.self)
        let answer: ConfigureDevice.Answer = try await connection.client().perform(
            ConfigureDevice.name, ConfigureDevice(device: target.device, document: document))
        try connection.show(answer) { ["Configuration \(answer.version) waits for the device's next check-in."] }
    }
}

struct DeviceQuarantine: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Cut a device off, from its next request on.",
        discussion: "Example:\n  lifelong device quarantine THERMOSTAT-2-7KQ2M9XA --reason suspected-tamper")
    @OptionGroup var target: DeviceArgument
    @Option(help: "One short word; it goes into the public ledger.") var reason: String
    @OptionGroup var connection: Connection
    func input() -> QuarantineDevice { QuarantineDevice(device: target.device, reason: reason) }
    var done: String { "The device is quarantined." }
}

struct DeviceRestore: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Let a quarantined device back.",
        discussion: "Example:\n  lifelong device restore THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection
    func input() -> RestoreDevice { RestoreDevice(device: target.device) }
    var done: String { "The device may work again." }
}

struct DeviceOffer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offer", abstract: "Offer your device to somebody else; prints the code for the buyer, once.",
        discussion: "Example:\n  lifelong device offer THERMOSTAT-2-7KQ2M9XA --days 14")
    @OptionGroup var target: DeviceArgument
    @Option(help: "How long the offer stands.") var days = 14
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: OfferDevice.Answer = try await connection.client().perform(
            OfferDevice.name, OfferDevice(device: target.device, days: days))
        try connection.show(answer) { ["Give the buyer this code; it is not shown again:", answer.code] }
    }
}

struct DeviceWithdraw: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Take an offer back.",
        discussion: "Example:\n  lifelong device withdraw THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection
    func input() -> WithdrawOffer { WithdrawOffer(device: target.device) }
    var done: String { "The offer is withdrawn; the code is void." }
}

struct DeviceAccept: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "accept", abstract: "Accept a device that was offered to you.",
        discussion: """
            The code comes from --secret-file, LIFELONG_TRANSFER_CODE or a prompt.

            Example:
              lifelong device accept THERMOSTAT-2-7KQ2M9XA --secret-file code.txt
            """)
    @OptionGroup var target: DeviceArgument
    @Option(help: ArgumentHelp("File with the code of the offer.", valueName: "file")) var secretFile: String?
    @OptionGroup var connection: Connection
    func input() throws -> AcceptDevice {
        let code = try SecretInput.read(file: secretFile, variable: "LIFELONG_TRANSFER_CODE", prompt: "Transfer code")
        return AcceptDevice(device: target.device, code: code)
    }
    var done: String { "Accepted. The device wipes itself at its next contact and is yours with its receipt." }
}

struct DeviceRetire: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "End a device's life, for ever.",
        discussion: "Example:\n  lifelong device retire THERMOSTAT-2-7KQ2M9XA --how recycled")
    @OptionGroup var target: DeviceArgument
    @Option(help: "recycled, replaced or destroyed.") var how: RetirementKind
    @OptionGroup var connection: Connection
    func input() -> RetireDevice { RetireDevice(device: target.device, how: how) }
    var done: String { "The device is retired: revoked everywhere, never served again." }
}

struct DeviceTokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make a token for a device whose client shows no certificate; shown once.",
        discussion: """
            It ends the token before it, and ends itself with the ownership. For SWUpdate: targettoken.

            Example:
              lifelong device token THERMOSTAT-2-7KQ2M9XA
            """)
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: IssueDeviceToken.Answer = try await connection.client().perform(
            IssueDeviceToken.name, IssueDeviceToken(device: target.device))
        try connection.show(answer) { [answer.token] }
    }
}

struct DeviceAdoptTokens: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt-tokens", abstract: "Take over tokens and keys that your devices have already.",
        discussion: """
            The file has a line for each device: its serial, a space or comma, and its token; or, for a Mender client, "key:" and its
            public key (Base64 of the DER), a dot, and what the key signed on the device (docs/stock-clients.md says how). Lines that
            begin with "#" are passed over.

            Examples:
              lifelong device adopt-tokens tokens.csv --dry-run
              lifelong device adopt-tokens tokens.csv
            """)
    @Argument(help: "File with serials and tokens.") var file: String
    @Flag(help: "Only say what would be done.") var dryRun = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let held = HeldCredentials(try InputFile.read(file, limit: HeldCredentials.maximumBytes))
        let client = try connection.client()
        var total = AdoptDeviceTokens.Answer(adopted: 0, refused: held.refused)
        for part in held.calls {
            let answer: AdoptDeviceTokens.Answer = try await client.perform(
                AdoptDeviceTokens.name, AdoptDeviceTokens(tokens: part, dryRun: dryRun ? true : nil))
            total.adopted += answer.adopted
            total.refused += answer.refused
        }
        let (answer, verb) = (total, dryRun ? "Would take over" : "Took over")
        try connection.show(answer) {
            ["\(verb) \(answer.adopted) tokens and keys, refused \(answer.refused.count)."]
                + answer.refused.map { "  \($0.device): \($0.reason)" }
        }
    }
}
