import ArgumentParser
import Design
import Manufacture
import Passport
import Registry
import Release
import Use
import Wire

/// `lifelong product …`
struct ProductCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "product", abstract: "Models that units are born of.",
        subcommands: [ProductPublish.self, ProductListCommand.self, ProductGatewayToken.self])
}

struct ProductPublish: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish a product, or change what may be changed of it.",
        discussion: """
            What it asks of a release stays as it was, unless one of --demand-sbom, --demand-provenance, --builder-key,
            --artifact-key and --admit-all is given: then it is what is given.

            Examples:
              lifelong product publish thermostat-2 --title "Thermostat 2" --hardware thermostat-board-c --minimum-grade secret
              lifelong product publish thermostat-2 --title "Thermostat 2" --hardware thermostat-board-c \\
                --demand-sbom --demand-provenance --builder-key builder.pem
            """)
    @Argument(help: "Its name, such as thermostat-2.") var product: String
    @Option(help: "What people call it.") var title: String
    @Option(help: "Hardware name that its units report.") var hardware: String
    @Option(help: "The weakest pairing that is accepted.") var minimumGrade: Grade = .declared
    @Flag(help: "Raise an alarm when a unit makes contact before it is sold.") var alarmBeforePairing = false
    @Flag(help: "Admit no release without a bill of materials.") var demandSbom = false
    @Flag(help: "Admit no release without provenance.") var demandProvenance = false
    @Option(
        help: ArgumentHelp("PEM of a builder's public key, whose provenance counts; once for each.", valueName: "file"))
    var builderKey: [String] = []
    @Option(
        help: ArgumentHelp(
            "PEM of a public key that signs its Mender artifacts, where its signers do not; once for each.",
            valueName: "file"))
    var artifactKey: [String] = []
    @Flag(help: "Ask nothing of a release any more.") var admitAll = false
    @OptionGroup var connection: Connection

    func validate() throws {
        if admitAll, demandSbom || demandProvenance || !builderKey.isEmpty || !artifactKey.isEmpty {
            throw ValidationError("--admit-all stands alone.")
        }
    }

    func input() throws -> PublishProduct {
        PublishProduct(
            product: try ProductID(product), title: title, hardware: hardware, minimumGrade: minimumGrade,
            alarmBeforePairing: alarmBeforePairing, admission: try admission())
    }

    private func admission() throws -> AdmissionRules? {
        let isGiven = demandSbom || demandProvenance || !builderKey.isEmpty || !artifactKey.isEmpty
        guard admitAll || isGiven else { return nil }
        return AdmissionRules(
            sbom: demandSbom, provenance: demandProvenance, builders: try builderKey.map(PublicKeyFile.base64),
            artifactKeys: try artifactKey.isEmpty ? nil : artifactKey.map(PublicKeyFile.base64))
    }

    var done: String { "Published \(product)." }
}

struct ProductListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the products.", discussion: "Example:\n  lifelong product list --json")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var products: [ProductView] }
        let answer: Answer = try await connection.client().read("products")
        try connection.show(answer) {
            Plain.table(
                ["PRODUCT", "TITLE", "HARDWARE", "MINIMUM GRADE"],
                answer.products.map { [$0.product.text, $0.title, $0.hardware, $0.minimumGrade.rawValue] })
        }
    }
}

struct ProductGatewayToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway-token", abstract: "Let one token speak for every device of a product, or end that.",
        discussion: """
            Whoever has it can say to be any of them. Better: lifelong device token.

            Examples:
              lifelong product gateway-token thermostat-2 --adopt token.txt
              lifelong product gateway-token thermostat-2 --end
            """)
    @Argument(help: "The product.") var product: String
    @Option(help: ArgumentHelp("File with a token that the devices have already.", valueName: "file"))
    var adopt: String?
    @Flag(help: "End the token that there is.") var end = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let held = try adopt.map { try SecretInput.read(file: $0, variable: "LIFELONG_DEVICE_TOKEN", prompt: "Token") }
        let answer: SetGatewayToken.Answer = try await connection.client().perform(
            SetGatewayToken.name, SetGatewayToken(product: try ProductID(product), allowed: !end, token: held))
        try connection.show(answer) {
            [answer.token ?? (end ? "No token speaks for all of them any more." : "Their token is good here now.")]
        }
    }
}

/// `lifelong batch …`
struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Units that are made in one go.",
        subcommands: [BatchOpen.self, BatchImport.self, BatchListCommand.self, BatchShip.self])
}

struct BatchOpen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Permit a station to make a number of identities.",
        discussion: """
            Example:
              lifelong batch open thermostat-2 --quantity 25 --request station/station-request.json --permit permit.json
            """)
    @Argument(help: "The product.") var product: String
    @Option(help: "At most so many births.") var quantity: Int
    @Option(help: "How many days the station may use the permit.") var days = 30
    @Option(help: ArgumentHelp("The station's request, from lifelong station init.", valueName: "file")) var request:
        String
    @Option(help: ArgumentHelp("Where the permit goes; it is carried to the station.", valueName: "file")) var permit:
        String
    @OptionGroup var connection: Connection

    func run() async throws {
        let station = try CanonicalJSON.decode(StationRequest.self, from: try InputFile.read(request))
        let input = OpenBatch(product: try ProductID(product), quantity: quantity, days: days, request: station)
        let answer: OpenBatch.Answer = try await connection.client().perform(OpenBatch.name, input)
        let file = PermitFile(answer.permit, successions: answer.successions)
        try OutputFile.write(try CanonicalJSON.pretty(file) + "\n", to: permit)
        try connection.show(answer) {
            ["Batch \(answer.batch) is open. Carry \(permit) to the station \(station.name)."]
        }
    }
}

struct BatchImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take a station's manifest of births into the registry; twice does no harm.",
        discussion: "Example:\n  lifelong batch import station/batches/BATCH/manifest.json")
    @Argument(help: "The manifest, from lifelong station close.") var manifest: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let bytes = try InputFile.read(manifest, limit: AdmitBirths.maximumManifestBytes / 3 * 4 + (1 << 20))
        let seal = try CanonicalJSON.decode(Seal.self, from: bytes, limit: bytes.count)
        let answer: AdmitBirths.Answer = try await connection.client().perform(
            AdmitBirths.name, AdmitBirths(manifest: seal))
        try connection.show(answer) {
            ["Batch \(answer.batch): \(answer.admitted) admitted, \(answer.known) known before."]
                + answer.refused.map { "  refused \($0.serial): \($0.reason)" }
        }
        if !answer.refused.isEmpty { throw ExitCode(2) }
    }
}

struct BatchListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the batches, newest first.",
        discussion: "Example:\n  lifelong batch list --product thermostat-2")
    @Option(help: "Only of this product.") var product: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var batches: [BatchView] }
        let answer: Answer = try await connection.client().read("batches", query: [("product", product)])
        try connection.show(answer) {
            Plain.table(
                ["BATCH", "PRODUCT", "ADMITTED", "STATION", "OPENED"],
                answer.batches.map {
                    [
                        $0.batch.text, $0.product.text, "\($0.admitted) of \($0.quantity)", $0.station,
                        Plain.time($0.openedAt),
                    ]
                })
        }
    }
}

struct BatchShip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ship", abstract: "Mark a whole batch as having left the maker.",
        discussion: "Example:\n  lifelong batch ship BATCH")
    @Argument(help: "The batch.") var batch: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        let input = ShipDevices(batch: try BatchID(batch))
        var total: ShipDevices.Answer = try await client.perform(ShipDevices.name, input)
        while total.more {
            let answer: ShipDevices.Answer = try await client.perform(ShipDevices.name, input)
            total.shipped += answer.shipped
            total.unchanged += answer.unchanged
            total.more = answer.more
        }
        let answer = total
        try connection.show(answer) { ["Shipped \(answer.shipped) devices."] }
    }
}
