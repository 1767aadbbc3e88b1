import Agent
import Design
import Foundation
import Keys
import KeysFile
import Manufacture
import Passport
import Registry
import Station
import Trust
import Wire

/// From an empty folder to units in boxes.
extension Story {
    // MARK: - The house

    func open() async throws {
        narrator.chapter("The house")
        let ports = try FreePorts.choose([8443, 8444, 8080])
        try writeConfiguration(ports)
        let server = try start("serve", ["serve", "--home", home.server, "--log-level", "warning"])
        peopleURL = "http://127.0.0.1:\(ports[1])"
        publicURL = "http://127.0.0.1:\(ports[2])"
        try await eventually("the server listens", within: .seconds(60)) {
            if let code = server.poll() {
                throw failed("the server ended with \(code). It said: \(server.output.suffix(600))")
            }
            return server.output.contains("/sign-in/")
        }
        if ports != [8443, 8444, 8080] {
            narrator.tell(
                "A usual port is taken; devices come to \(ports[0]), people to \(ports[1]), the public to \(ports[2]).")
        }
        narrator.tell(
            "The server runs as process \(server.pid): keys, CAs, database and ledger made in \(home.server).")
        let token = try String(contentsOfFile: home.server + "/cli-token", encoding: .utf8)
        admin = try RestClient(server: peopleURL, token: token, anchor: nil)
        let ledger: LedgerView = try await admin.read("ledger")
        try DurableFile.write(Array((ledger.vkey + "\n").utf8), to: home.paper("vkey"))
        narrator.tell("Noted the ledger's verifier key, before anything is written: papers/vkey.")
        try await publishProducts()
        try await addPeople()
    }

    private func writeConfiguration(_ ports: [Int]) throws {
        let text = """
            organisation: "Aurora Controls"
            listen: {device: "127.0.0.1:\(ports[0])", people: "127.0.0.1:\(ports[1])", public: "127.0.0.1:\(ports[2])"}
            serviceURL: "https://localhost:\(ports[0])"
            publicURL: "http://localhost:\(ports[2])"
            ledgerOrigin: "aurora.example/demo"
            operationalSeconds: \(settings.operationalSeconds)
            checkInSeconds: 2

            """ + settings.keys.yaml(prefix: "server.")
        try DurableFile.write(Array(text.utf8), to: home.server + "/lifelong.yaml")
    }

    private func publishProducts() async throws {
        _ = try await admin.act(PublishProduct(product: Self.product, title: "Thermostat 2", hardware: Self.hardware))
        _ = try await admin.act(
            PublishProduct(product: Self.fleetProduct, title: "Sensor 1", hardware: Self.fleetHardware))
        _ = try await admin.act(
            PublishProduct(product: Self.gatewayProduct, title: "Gateway 3", hardware: Self.gatewayHardware))
        narrator.tell("The maker publishes three products: thermostat-2, sensor-1 and gateway-3.")
    }

    private func addPeople() async throws {
        for (name, kind) in [
            (Self.organisation, AddOwner.Kind.organisation), (Self.ada, .person), (Self.grace, .person),
        ] {
            let owner = try await admin.act(AddOwner(owner: name, kind: kind)).owner
            owners[name] = try await client(for: name, role: .owner, owner: owner)
        }
        auditor = try await client(for: "auditor", role: .auditor)
        narrator.tell(
            "\(Self.organisation), \(Self.ada) and \(Self.grace) may own devices; an auditor may read. Each has a token."
        )
    }

    func client(for person: String, role: Role, owner: OwnerID? = nil) async throws -> RestClient {
        _ = try await admin.act(AddPerson(person: person, role: role, owner: owner))
        let token = try await admin.act(IssueToken(person: person, label: "demo")).token
        return try RestClient(server: peopleURL, token: token, anchor: nil)
    }

    // MARK: - Birth

    func makeUnits() async throws {
        narrator.chapter("Birth")
        // What a station pins comes on paper or a stick, from the server's home.
        let pin = home.server + "/maker-permit.pem"
        try await makeThermostats(pin)
        try await makeFleet(pin)
    }

    private func makeThermostats(_ pin: String) async throws {
        let station = try await openStation("line-1", pin, Self.product, settings.devices)
        unitBatch = station.batch
        let command = "'\(agent)' birth --home '\(home.path)/devices/{n}' --hardware \(Self.hardware)"
        let run = try start(
            "station-line-1",
            [
                "station", "run", "--home", station.folder, "--permit", station.permit, "--line", "exec:\(command)",
                "--at-once", "2", "--json",
            ] + settings.keys.options(prefix: "line-1."))
        while run.poll() == nil {
            narrator.bar(run.output.split(separator: "\n").count, of: settings.devices, "born")
            try await Task.sleep(for: .milliseconds(100))
        }
        _ = try await finish(run)
        for number in 1...settings.devices {
            let folder = home.device(number)
            let status = try HomeStatus(of: AgentHome(folder), on: PosixDisk())
            units.append(Unit(number: number, serial: status.unit.serial, folder: folder))
        }
        narrator.tell(
            "\(units.count) thermostats are born at line-1: each an agent process that made its key and kept it.")
        narrator.detail("the first is \(units[0].serial), the last \(units[units.count - 1].serial)")
        try await importBatch(station, expecting: settings.devices)
    }

    private func makeFleet(_ pin: String) async throws {
        let station = try await openStation("line-2", pin, Self.fleetProduct, settings.fleet)
        fleetBatch = station.batch
        let socket = home.lines + "/line-2"
        let run = try start(
            "station-line-2",
            [
                "station", "run", "--home", station.folder, "--permit", station.permit, "--line", "unix:\(socket)",
                "--at-once",
                "4", "--no-label-secrets", "--json",
            ] + settings.keys.options(prefix: "line-2."))
        try await eventually("line-2 listens", within: .seconds(20)) { FileManager.default.fileExists(atPath: socket) }
        try await fleet(
            "fleet-births", checkIns: 0, ["--station", "unix:\(socket)", "--hardware", Self.fleetHardware])
        _ = try await finish(run)
        narrator.tell("\(settings.fleet) sensors are born at line-2, over its Unix socket: the simulated fleet.")
        try await importBatch(station, expecting: settings.fleet)
    }

    struct OpenedStation {
        var name: String
        var folder: String
        var permit: String
        var batch: BatchID
    }

    func openStation(
        _ name: String, _ pin: String, _ product: ProductID, _ quantity: Int
    ) async throws -> OpenedStation {
        let folder = home.path + "/" + name
        stationFolders.append(folder)
        let said = try await run(
            "station-init-\(name)",
            ["station", "init", "--home", folder, "--name", name, "--maker-key", pin, "--json"]
                + settings.keys.options(prefix: "\(name)."))
        let request = try CanonicalJSON.decode(StationRequest.self, from: Array(said.utf8))
        let opened = try await admin.act(OpenBatch(product: product, quantity: quantity, request: request))
        let permit = home.paper("permit-\(name).json")
        try DurableFile.write(try CanonicalJSON.encode(opened.permit), to: permit)
        narrator.tell("Station \(name) gets a signed permit for \(quantity) identities, no more.")
        return OpenedStation(name: name, folder: folder, permit: permit, batch: opened.batch)
    }

    func importBatch(_ station: OpenedStation, expecting count: Int) async throws {
        let paper = home.paper("births-\(station.name).json")
        try await run(
            "station-close-\(station.name)",
            ["station", "close", "--home", station.folder, "--batch", station.batch.text, "--out", paper]
                + settings.keys.options(prefix: "\(station.name)."))
        let bytes = FileManager.default.contents(atPath: paper).map { Array($0) } ?? []
        let manifest = try CanonicalJSON.decode(Seal.self, from: bytes, limit: 64 << 20)
        let first = try await admin.act(AdmitBirths(manifest: manifest))
        try expect(
            first.admitted == count && first.refused.isEmpty,
            "the import admitted \(first.admitted) of \(count) and refused \(first.refused.count).")
        let again = try await admin.act(AdmitBirths(manifest: manifest))
        try expect(again.admitted == 0 && again.known == count, "a second import admitted \(again.admitted).")
        narrator.check("The manifest is imported: \(count) passports begin. Imported again: nothing changes.")
    }

    /// The label of a unit, as the station printed it.
    func label(_ serial: String) throws -> Label { try StationHome(stationFolders[0]).label(serial).label }

    // MARK: - Fleet

    /// Runs the simulator as a process; its bars are shown on this terminal.
    @discardableResult
    func fleet(_ name: String, count: Int? = nil, checkIns: Int, _ more: [String] = []) async throws -> FleetSummary {
        let said = try await run(
            name,
            [
                "fleet", "--count", "\(count ?? settings.fleet)", "--state", home.path + "/fleet", "--check-ins",
                "\(checkIns)",
                "--json",
            ] + more, showsErrors: narrator.isTerminal)
        narrator.eraseLine()
        let last = said.split(separator: "\n").last.map(String.init) ?? ""
        return try CanonicalJSON.decode(FleetSummary.self, from: Array(last.utf8))
    }
}
