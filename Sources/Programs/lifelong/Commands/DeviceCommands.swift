import ArgumentParser
import Passport
import Registry
import Wire

/// `lifelong device …`
struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Look at devices and act on them.",
        subcommands: [
            DeviceList.self, DeviceShow.self, DeviceShip.self, DevicePair.self, DeviceUnlock.self, DeviceConfigure.self,
            DeviceQuarantine.self, DeviceRestore.self, DeviceHold.self, DeviceUnhold.self, DeviceOffer.self,
            DeviceWithdraw.self, DeviceAccept.self, DeviceRetire.self, DeviceTokenCommand.self, DeviceAdoptTokens.self,
        ])
}

/// The device that a command is about.
struct DeviceArgument: ParsableArguments {
    @Argument(help: "Its serial, or its name in Lifelong.")
    var device: String

    var path: String { "devices/" + RestClient.part(device) }
}

struct DeviceList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List devices, page by page.",
        discussion: "Example:\n  lifelong device list --stage inUse --product thermostat-2")
    @Option(help: "Only in this stage: \(Stage.allCases.map(\.rawValue).joined(separator: ", ")).") var stage: String?
    @Option(help: "Only of this product.") var product: String?
    @Option(help: "Only of this batch.") var batch: String?
    @Option(help: "Only of this owner; for administrators.") var owner: String?
    @Option(help: "Only with an open alarm: any, or its kind.") var alarm: String?
    @Option(name: .customLong("query"), help: "Beginning of a serial.") var q: String?
    @Option(name: .customLong("where"), help: "A selector, such as 'release < 7 and seen < 7d'.") var selector: String?
    @Option(help: "Where the page before ended.") var after: String?
    @Option(help: "Devices on a page, 1 to 200.") var limit: Int?
    @OptionGroup var connection: Connection

    func run() async throws {
        let page: DevicePage = try await connection.client().read(
            "devices",
            query: [
                ("stage", stage), ("product", product), ("batch", batch), ("owner", owner), ("alarm", alarm), ("q", q),
                ("where", selector), ("after", after), ("limit", limit.map(String.init)),
            ])
        try connection.show(page) {
            let rows = page.devices.map { device in
                [
                    device.serial, device.stage.rawValue, device.product.text, device.softwareVersion ?? "-",
                    Plain.time(device.lastContactAt), device.openAlarms > 0 ? "\(device.openAlarms)" : "",
                ]
            }
            let more = page.next.map { ["", "More: add --after \($0)"] } ?? []
            return Plain.table(["SERIAL", "STAGE", "PRODUCT", "VERSION", "LAST CONTACT", "ALARMS"], rows) + more
        }
    }
}

struct DeviceShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Everything of one device.",
        discussion: "Example:\n  lifelong device show THERMOSTAT-2-7KQ2M9XA")
    @OptionGroup var target: DeviceArgument
    @OptionGroup var connection: Connection

    func run() async throws {
        let view: DeviceView = try await connection.client().read(target.path)
        try connection.show(view) { DeviceText.lines(view) }
    }
}

/// A device, for a terminal.
enum DeviceText {
    static func lines(_ view: DeviceView) -> [String] {
        var lines = [
            "\(view.serial)  \(view.productTitle ?? view.product.text)", "  name      \(view.device)",
            "  stage     \(view.stage.rawValue)\(view.retirement.map { " (\($0.how.rawValue))" } ?? "")",
            "  born      \(Plain.time(view.bornAt)) in batch \(view.batch)",
        ]
        if let contact = view.contact {
            lines.append("  contact   \(Plain.time(contact.at)), \(contact.agent), version \(contact.softwareVersion)")
        }
        if view.wipeOwed { lines.append("  wipe      owed; its receipt is not in") }
        lines += view.tenures.map { tenure in
            let owner = tenure.owner.map { " by \($0.name)" } ?? ""
            return
                "  owned     \(Plain.time(tenure.since)) to \(tenure.isOpen ? "now" : Plain.time(tenure.ended))\(owner), "
                + Sentences.proof(tenure.grade)
        }
        lines += (view.birthChain + view.operationalCertificates).map { certificate in
            "  \(certificate.kind.padding(to: 10))\(certificate.serial.prefix(16)) \(certificate.state.rawValue), until "
                + (certificate.notAfter.civil.year == 9999 ? "no end" : Plain.time(certificate.notAfter))
        }
        lines.append("  rights")
        lines += view.rights.map {
            "    \($0.allowed ? "yes" : "no ")  \($0.right.rawValue.padding(to: 13))\($0.reason)"
        }
        lines += view.openAlarms.map { "  ALARM \($0.index)  \($0.meaning) \($0.detail)" }
        if !view.actions.isEmpty { lines.append("  you may") }
        lines += view.actions.map { "    \($0.title): \($0.consequence)" }
        return lines
    }
}

extension String {
    func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
