import ArgumentParser
import Ledger
import Passport
import Registry
import Wire

/// `lifelong passport DEVICE`: a whole life, for a person or for an auditor.
struct PassportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passport", abstract: "Read the life of one device, from birth to disposal.",
        discussion: """
            With --evidence, its entries with their proofs go into a file that `lifelong verify passport` checks without the
            server.

            Example:
              lifelong passport THERMOSTAT-2-7KQ2M9XA --evidence passport.json
            """)
    @OptionGroup var target: DeviceArgument
    @Option(help: ArgumentHelp("Also write the entries with their ledger proofs to this file.", valueName: "file"))
    var evidence: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        if let evidence {
            let document: Evidence = try await client.read(target.path + "/evidence")
            try OutputFile.write(try CanonicalJSON.pretty(document) + "\n", to: evidence)
        }
        let life = try await whole(client)
        let view: DeviceView? = connection.json ? nil : try await client.read(target.path)
        try connection.show(life) { view.map { Self.lines(life, $0) } ?? [] }
    }

    /// All pages of the life, put together.
    private func whole(_ client: RestClient) async throws -> LifeView {
        let limit: (String, String?) = ("limit", String(Reading.maximumPageLimit))
        var life: LifeView = try await client.read(target.path + "/passport", query: [limit])
        while let older = life.older {
            var page: LifeView = try await client.read(
                target.path + "/passport", query: [("before", String(older)), limit])
            page.entries += life.entries
            life = page
        }
        return life
    }

    private static func lines(_ life: LifeView, _ view: DeviceView) -> [String] {
        var lines = [
            "PASSPORT  \(life.serial)",
            "\(view.productTitle ?? life.product.text), \(view.hardware); in Lifelong \(life.device)",
            "Now: \(life.stage.rawValue). \(view.whatToDo)", "",
        ]
        let entries = life.entries.map { entry in
            [
                Plain.time(entry.at), "\(entry.index)\(entry.isPublished ? "" : "*")", entry.byRole, entry.sentence,
            ]
        }
        lines += Plain.table(["WHEN", "ENTRY", "BY", "WHAT"], entries)
        if life.entries.contains(where: { !$0.isPublished }) {
            lines.append("* not yet in a published checkpoint; within a second it is")
        }
        lines += ["", "Certificates"]
        lines += Plain.table(
            ["KIND", "SERIAL", "STATE", "FROM", "UNTIL"],
            (view.birthChain + view.operationalCertificates).map { certificate in
                [
                    certificate.kind, String(certificate.serial.prefix(16)), certificate.state.rawValue,
                    Plain.time(certificate.notBefore),
                    certificate.notAfter.civil.year == 9999 ? "no end" : Plain.time(certificate.notAfter),
                ]
            })
        return lines
    }
}
