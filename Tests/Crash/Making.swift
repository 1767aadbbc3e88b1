import Design
import Foundation
import Keys
import Manufacture
import Passport
import Registry
import Store
import Trust
import Wire
import Workbench

/// What the maker does while the server runs: products, batches, births, shipping.
struct Making: Sendable {
    let client: Client
    let world: World
    var dice: Dice

    /// As many units as a home gets, so that its audits stay quick.
    private static let mostUnits = 48
    private static let unitsOfBatch = 4

    mutating func run() async {
        while true {
            do {
                if world.unitCount < Self.mostUnits { try await makeUnits() }
                try await publish()
                try await client.checkpoint()
                try await Task.sleep(for: .milliseconds(15))
            } catch is Refusal {
                try? await Task.sleep(for: .milliseconds(15))
            } catch {
                return
            }
        }
    }

    /// The same product again, with another title: the last one that was confirmed, or one asked for later, must be there.
    private mutating func publish() async throws {
        let title = "Lamp \(world.number())"
        world.notebook.asked(title: title, of: World.product.text)
        _ = try await client.perform(
            PublishProduct.name, PublishProduct(product: World.product, title: title, hardware: World.hardware),
            token: world.admin, answer: Done.self
        ) { _ in [.product(id: World.product.text, title: title)] }
    }

    func makeUnits() async throws {
        if let pending = world.takePending() { return try await admit(pending) }
        let request = try world.stationRequest()
        let opened = try await client.perform(
            OpenBatch.name, OpenBatch(product: World.product, quantity: Self.unitsOfBatch, request: request),
            token: world.admin, answer: OpenBatch.Answer.self
        ) { answer in
            [
                .row(table: "batch", column: "id", value: answer.batch.text),
                .houseEntry(kind: "permitGranted", word: answer.batch.text),
            ]
        }
        let makerKey = try PEM.decode(
            String(contentsOfFile: world.home + "/maker-permit.pem", encoding: .utf8))[0].der
        let permit = try CanonicalJSON.decode(Permit.self, from: opened.permit.payloadBytes())
        world.set(anchors: permit.service.anchors.compactMap { Base64.decode($0) })
        do {
            world.putBack(try world.bear(opened.permit, opened.batch, count: Self.unitsOfBatch, makerKey: makerKey))
        } catch {
            world.notebook.trouble("the station failed: \(error)")
            return
        }
        if let pending = world.takePending() { try await admit(pending) }
    }

    /// Hands the births in and ships them; what has no answer is done again after the restart, and does no harm.
    private func admit(_ pending: World.PendingBatch) async throws {
        do {
            _ = try await client.perform(
                AdmitBirths.name, AdmitBirths(manifest: pending.manifest), token: world.admin,
                answer: AdmitBirths.Answer.self
            ) { answer in
                if answer.admitted + answer.known != pending.units.count {
                    world.notebook.trouble("births of \(pending.batch) were refused: \(answer.refused)")
                }
                return pending.units.map {
                    .device(serial: $0.serial, certificate: LeafCertificate.sha256($0.certificate))
                }
            }
            _ = try await client.perform(
                ShipDevices.name, ShipDevices(batch: pending.batch), token: world.admin,
                answer: ShipDevices.Answer.self
            ) { _ in [] }
            world.add(pending.units)
        } catch {
            world.putBack(pending)
            throw error
        }
    }

    /// Two owners, each with a person and a token; and the first units. Goes on where a kill stopped it.
    func found() async throws {
        while world.owners.count < 2 {
            let name = "owner \(world.number())"
            let owner = try await client.perform(
                AddOwner.name, AddOwner(owner: name, kind: .person), token: world.admin, answer: AddOwner.Answer.self
            ) { [.row(table: "owner", column: "id", value: $0.owner.text)] }.owner
            _ = try await client.perform(
                AddPerson.name, AddPerson(person: "\(name) herself", role: .owner, owner: owner), token: world.admin,
                answer: AddPerson.Answer.self
            ) { [.row(table: "person", column: "id", value: $0.person.id.text)] }
            let token = try await client.perform(
                IssueToken.name, IssueToken(person: "\(name) herself", label: "crash"), token: world.admin,
                answer: IssueToken.Answer.self
            ) { [.credential(hash: LeafCertificate.sha256(Array($0.token.utf8)).description)] }.token
            world.add(World.Owner(id: owner, token: token))
        }
        guard world.unitCount == 0 else { return }
        var making = self
        try await making.publish()
        for _ in 0..<3 { try await makeUnits() }
    }
}
