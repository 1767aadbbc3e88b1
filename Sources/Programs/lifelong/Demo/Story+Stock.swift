import Agent
import Crypto
import Foundation
import KeysFile
import Manufacture
import Pairing
import Passport
import Registry
import Use
import Wire

/// Devices with other makers' update clients, in which one address was changed.
extension Story {
    func updateStockClients() async throws {
        narrator.chapter("Stock clients")
        guard SWUpdateUnit.isInstalled, MenderUnit.isInstalled else {
            narrator.tell(
                "Left out: swupdate, cpio, openssl, mender-client and mender-artifact are not all installed. (make run installs them.)"
            )
            return
        }
        let gateways = try await sellGateways(2)
        try await useSWUpdate(gateways[0])
        try await useMender(gateways[1])
    }

    private func useSWUpdate(_ gateway: Unit) async throws {
        let token = try await owners[Self.organisation]?.act(IssueDeviceToken(device: gateway.serial)).token ?? ""
        let client = try SWUpdateUnit(
            folder: home.path + "/swupdate", sockets: home.lines, serial: gateway.serial, token: token,
            service: service(of: gateway))
        narrator.tell(
            "\(gateway.serial) has Debian's SWUpdate instead of our agent. Its owner gave it a token; its settings name this server."
        )
        try await shell("swupdate-key", client.makeKey, in: client.folder)
        try await installByStock(client)
        try await refuseByStock(client)
    }

    /// Units of a product of its own, in use at their owner's.
    private func sellGateways(_ count: Int) async throws -> [Unit] {
        let station = try await openStation("line-3", home.server + "/maker-permit.pem", Self.gatewayProduct, count)
        let folder = home.path + "/gateways"
        try DurableFile.makeFolder(folder)
        try await run(
            "station-line-3",
            [
                "station", "run", "--home", station.folder, "--permit", station.permit, "--line",
                "exec:'\(agent)' birth --home '\(folder)/{n}' --hardware \(Self.gatewayHardware)", "--json",
            ] + settings.keys.options(prefix: "line-3."))
        try await importBatch(station, expecting: count)
        var gateways: [Unit] = []
        for number in 1...count { gateways.append(try await sellGateway(number, in: "\(folder)/\(number)")) }
        return gateways
    }

    private func sellGateway(_ number: Int, in folder: String) async throws -> Unit {
        let serial = try HomeStatus(of: AgentHome(folder), on: PosixDisk()).unit.serial
        _ = try await admin.act(ShipDevices(devices: [serial]))
        _ = try await owners[Self.organisation]?.act(PairDevice(device: serial, grade: .declared))
        let enrolment = try start(
            "agent-gateway-\(number)", program: agent, ["run", "--home", folder, "--interval", "1"])
        try await eventually("\(serial) has enrolled") {
            try HomeStatus(of: AgentHome(folder), on: PosixDisk()).operational != nil
        }
        enrolment.send(SIGTERM)
        _ = try await enrolment.wait()
        return Unit(number: units.count + number, serial: serial, folder: folder)
    }

    /// What the unit was told at birth of the service.
    private func service(of unit: Unit) throws -> ServiceAnchor {
        let bytes = FileManager.default.contents(atPath: AgentHome(unit.folder).service).map { Array($0) } ?? []
        return try CanonicalJSON.decode(ServiceAnchor.self, from: bytes)
    }

    private func installByStock(_ client: SWUpdateUnit) async throws {
        try await offer(1, client.image(1, tampered: false), to: client)
        let run = try startShell("swupdate-1", client.run(), in: client.folder)
        try await eventually("SWUpdate has installed it and restarts") { client.hasRestarted }
        await end(run)
        try expect(client.installed == client.content(1), "what SWUpdate installed is not what was released.")
        let again = try startShell("swupdate-2", client.run(afterRestart: true), in: client.folder)
        try await eventually("SWUpdate says after its restart that the update is good") {
            try await self.view(client.serial).update.installed?.sequence == 1
        }
        await end(again)
        try expect(
            try await view(client.serial).update.installed?.observed == true, "an unsigned word counts as a receipt.")
        narrator.check(
            "It found, fetched, verified and installed release 3.1.0, restarted and said so. It signs nothing: \"as its client reported\"."
        )
    }

    private func refuseByStock(_ client: SWUpdateUnit) async throws {
        try await offer(2, client.image(2, tampered: true), to: client)
        let run = try startShell("swupdate-3", client.run(), in: client.folder)
        try await eventually("SWUpdate has refused it") { try await self.view(client.serial).update.offered == nil }
        await end(run)
        let view = try await view(client.serial)
        try expect(
            view.update.installed?.sequence == 1 && client.installed == client.content(1),
            "SWUpdate installed what nobody signed.")
        narrator.check(
            "An image whose content is not what its maker signed is refused by SWUpdate, and that is in the ledger.")
    }

    private func offer(_ sequence: Int, _ script: String, to client: SWUpdateUnit) async throws {
        try await shell("swupdate-image-\(sequence)", script, in: client.folder)
        try await offer(sequence, client.imageFile(sequence), to: client.serial)
    }

    private func offer(_ sequence: Int, _ file: String, to serial: String) async throws {
        guard let bytes = FileManager.default.contents(atPath: file) else { throw failed("\(file) cannot be read.") }
        try await publish(
            file,
            PublishRelease(
                product: Self.gatewayProduct, sequence: sequence, version: "3.\(sequence).0",
                hardware: [Self.gatewayHardware], sha256: Wire.Digest(SHA256.hash(data: bytes)), size: bytes.count))
        _ = try await admin.act(OfferUpdate(product: Self.gatewayProduct, sequence: sequence, devices: [serial]))
    }

    // MARK: - Mender

    private func useMender(_ gateway: Unit) async throws {
        let client = try MenderUnit(
            folder: home.path + "/mender", serial: gateway.serial, service: service(of: gateway))
        try await shell("mender-key", client.makeKey, in: client.folder)
        try await shell("mender-artifact", client.artifact(3), in: client.folder)
        try await offer(3, client.artifactFile(3), to: client.serial)
        let run = try startShell("mender", client.run, in: client.folder)
        try await eventually("the Mender client asks to be accepted") { MenderUnit.isRefused(in: run.output) }
        let key = try await finish(startShell("mender-held-key", client.heldKey, in: client.folder))
        let adopted = try await owners[Self.organisation]?.act(
            AdoptDeviceTokens(tokens: [.init(device: client.serial, key: key)]))
        try expect(adopted?.adopted == 1, "the key of \(client.serial) was not accepted.")
        narrator.tell(
            "\(client.serial) has Debian's Mender client. Its owner accepts the key that it came with, and that signs for it."
        )
        try await eventually("Mender says that the update is good") {
            try await self.view(client.serial).update.installed?.sequence == 3
        }
        await end(run)
        try expect(client.installed == client.content(3), "what Mender installed is not what was released.")
        narrator.check("It authenticated, found, fetched, verified and installed release 3.3.0, and said so.")
    }

    private func end(_ child: Child) async {
        child.send(SIGTERM)
        _ = try? await child.wait()
    }
}
