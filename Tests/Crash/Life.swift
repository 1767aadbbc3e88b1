import Agent
import Foundation
import Keys
import Pairing
import Passport
import Registry
import Retirement
import Store
import SwiftASN1
import Transfer
import Trust
import Use
import Wire
import Workbench
import X509

/// What one client does with units, one step after another, until the server is gone. Before each step the device asks where
/// it stands: that is all that a device needs to go on after any crash.
struct Life: Sendable {
    let client: Client
    let world: World
    var dice: Dice

    /// A unit that was refused so often in a row does not go on without help.
    private static let refusalsInARow = 12

    mutating func run() async {
        while var unit = world.takeUnit(&dice) {
            do {
                try await step(&unit)
                unit.failuresInARow = 0
            } catch let refusal as Refusal {
                // Its life is over: nobody uses it any more.
                if refusal.rule == Self.over { continue }
                if refusal.code == .unavailable {
                    // It says itself that it passes; the end of the home sees to it that it did.
                    try? await Task.sleep(for: .milliseconds(15))
                } else {
                    unit.failuresInARow += 1
                }
                if unit.failuresInARow > Self.refusalsInARow {
                    client.notebook.trouble("\(unit.serial) was refused \(unit.failuresInARow) times in a row")
                }
            } catch is NoAnswer {
                return world.putBack(unit)
            } catch {
                client.notebook.trouble("\(unit.serial): \(error)")
            }
            world.putBack(unit)
        }
    }

    private mutating func step(_ unit: inout World.Unit) async throws {
        let (certificate, key) = (unit.certificate, unit.key)
        let status = try await client.exchange("status") {
            try await client.device(certificate, key).get(DeviceAPI.status)
        }.json(DeviceStatus.self)
        unit.device = status.device
        switch status.state {
        case .notPaired: try await pair(&unit, status)
        case .notEnrolled, .revoked: try await enrol(&unit, status.device)
        case .quarantined: try await act(RestoreDevice(device: unit.serial), "restored", of: status.device)
        case .transferPending: try await handOver(&unit, status)
        case .retired:
            guard let wipe = status.wipe else { return }
            try await sendReceipt(
                .init(kind: .wiped, device: status.device, at: World.clock(), nonce: wipe.nonce), unit.key, unit)
        case .enrolled, .updateRequired, .certificateExpiring:
            guard unit.operational != nil else { return try await enrol(&unit, status.device) }
            try await use(&unit, status.device)
        }
    }

    /// The last look, with nobody who kills: every device gets back to work by itself, or its life is over.
    mutating func goOn() async -> [String] {
        var stuck: [String] = []
        var back: [World.Unit] = []
        while var unit = world.takeUnit(&dice) {
            var last = "does not come to an end"
            var isWell = false
            for _ in 0..<10 where !isWell {
                do {
                    let before = unit.logCount
                    isChecking = true
                    try await step(&unit)
                    isWell = unit.logCount > before
                } catch let refusal as Refusal {
                    isWell = refusal.rule == Self.over
                    last = refusal.description
                } catch {
                    last = "\(error)"
                }
            }
            if !isWell { stuck.append("\(unit.serial) does not go on: \(last)") }
            back.append(unit)
        }
        world.add(back)
        return stuck
    }

    /// What a retired device is told that has wiped itself.
    private static let over = "stage retired: contact"
    /// Does nothing but check in once it is in use.
    private var isChecking = false

    init(client: Client, world: World, dice: Dice) {
        self.client = client
        self.world = world
        self.dice = dice
    }

    // MARK: - Becoming somebody's

    private mutating func pair(_ unit: inout World.Unit, _ status: DeviceStatus) async throws {
        forgetTenure(&unit)
        if let challenge = status.pairing {
            return try await sendReceipt(
                .init(kind: .pairingProof, device: status.device, at: World.clock(), nonce: challenge.nonce), unit.key,
                unit)
        }
        let owner = world.owners[dice.roll(0..<world.owners.count)]
        let grade: Grade = dice.percent(60) ? .declared : .proven
        _ = try await client.perform(
            PairDevice.name, PairDevice(device: unit.serial, grade: grade), token: owner.token,
            answer: PairDevice.Answer.self
        ) { answer in
            guard let tenure = answer.tenure else { return [] }
            return [
                .row(table: "tenure", column: "id", value: tenure.text),
                .entry(device: status.device.text, kind: "paired", word: tenure.text),
            ]
        }
    }

    private func forgetTenure(_ unit: inout World.Unit) { unit.operational = nil }

    private func enrol(_ unit: inout World.Unit, _ device: DeviceID) async throws {
        let key = EphemeralKey()
        let request = try CertificationRequest.enrolment(device: device, key: key)
        let (certificate, birth) = (unit.certificate, unit.key)
        let answer = try await client.exchange("simpleenroll") {
            try await client.device(certificate, birth).enrol(request)
        }
        try keep(answer, key, &unit, device, "enrolled")
    }

    private func keep(
        _ answer: BenchClient.Answer, _ key: EphemeralKey, _ unit: inout World.Unit, _ device: DeviceID, _ kind: String
    ) throws {
        let bundle = try Base64Body.decode(answer.body, as: "certificates")
        guard let der = try CertificateBundle.decode(bundle).first else { return }
        let parsed = try X509.Certificate(derEncoded: der)
        unit.operational = Operational(key: key, certificate: der)
        let serial = Hex.encode(parsed.serialNumber.bytes)
        client.notebook.acknowledge([
            .certificate(serial: serial, sha256: LeafCertificate.sha256(der), device: device.text),
            .entry(device: device.text, kind: kind, word: serial),
        ])
    }

    // MARK: - In use

    private mutating func use(_ unit: inout World.Unit, _ device: DeviceID) async throws {
        switch isChecking ? 0 : dice.roll(0..<100) {
        case 0..<35: try await checkIn(&unit, device)
        case 35..<55: try await renew(&unit, device)
        case 55..<68: try await configure(unit, device)
        case 68..<74: try await act(QuarantineDevice(device: unit.serial, reason: "drill"), "quarantined", of: device)
        case 74..<84: try await offer(unit, device)
        case 84..<88:
            try await act(RetireDevice(device: unit.serial, how: .recycled), "retired", of: device)
        case 88..<94: try await release(unit, device)
        default: try await people()
        }
    }

    private func operational(_ unit: World.Unit) throws -> (BenchClient, Operational) {
        guard let operational = unit.operational else { throw CancellationError() }
        return (try client.device(operational.certificate, operational.key), operational)
    }

    private mutating func checkIn(_ unit: inout World.Unit, _ device: DeviceID) async throws {
        let (connection, operational) = try operational(unit)
        var entry =
            unit.logWaiting
            ?? DeviceLogEntry(
                index: unit.logCount, at: World.clock(), kind: "boot", text: "crash test", hash: unit.logHead)
        if unit.logWaiting == nil { entry.hash = try TakeLog.hash(entry, after: unit.logHead) }
        unit.logWaiting = entry
        let report = CheckInReport(agent: "crash/1", sequence: 0, version: "1", log: [entry])
        let answer = try await refusedMeansForget(&unit) {
            try await client.exchange("check-in") { try await connection.post(DeviceAPI.checkIn, json: report) }
        }
        let desired = try answer.json(DesiredState.self)
        // What the server has, it has whether or not we heard of it before.
        client.notebook.acknowledge([
            .entry(device: device.text, kind: "logTaken", word: "\"to\":\(entry.index + 1)")
        ])
        unit.logWaiting = nil
        unit.logHead = entry.hash
        unit.logCount = desired.logTaken
        if let configuration = desired.configuration {
            try await sendReceipt(
                .init(
                    kind: .configured, device: device, at: World.clock(), configuration: configuration.version),
                operational.key, unit, over: connection)
        }
        if let update = desired.update {
            let payload = try update.manifest.payloadBytes()
            let manifest = try CanonicalJSON.decode(ReleaseManifest.self, from: payload)
            try await sendReceipt(
                .init(
                    kind: .updated, device: device, at: World.clock(), release: LeafCertificate.sha256(payload),
                    sequence: manifest.sequence, artifact: manifest.sha256), operational.key, unit, over: connection)
        }
    }

    private func renew(_ unit: inout World.Unit, _ device: DeviceID) async throws {
        let (connection, operational) = try operational(unit)
        let held = try HeldCertificate(operational.certificate)
        let key = EphemeralKey()
        let request = try CertificationRequest.renewal(
            subjectDER: held.subjectDER, alternativeNamesDER: held.alternativeNamesDER, key: key)
        let answer = try await refusedMeansForget(&unit) {
            try await client.exchange("simplereenroll") {
                try await connection.enrol(request, at: "/.well-known/est/simplereenroll")
            }
        }
        try keep(answer, key, &unit, device, "renewed")
    }

    /// A certificate that is not good any more, because the answer with the next one was lost, is put away: the birth
    /// certificate gets another.
    private func refusedMeansForget(
        _ unit: inout World.Unit, _ body: () async throws -> BenchClient.Answer
    ) async throws -> BenchClient.Answer {
        do { return try await body() } catch let refusal as Refusal {
            if refusal.code == .forbidden || refusal.code == .unauthenticated { unit.operational = nil }
            throw refusal
        }
    }

    private func sendReceipt(
        _ receipt: Receipt, _ key: EphemeralKey, _ unit: World.Unit, over connection: BenchClient? = nil
    ) async throws {
        let payload = try CanonicalJSON.encode(receipt)
        let seal = try Seal.sign(type: Seal.PayloadType.receipt, payload: payload, with: key)
        let door = try connection ?? client.device(unit.certificate, unit.key)
        _ = try await client.exchange("receipts") { try await door.post(DeviceAPI.receipts, json: seal) }
        client.notebook.acknowledge([
            .row(table: "receipt", column: "sha256", value: LeafCertificate.sha256(payload).description)
        ])
    }

    // MARK: - People

    /// What the maker asks for, and the entry that it leaves.
    private func act<A: Action>(_ action: A, _ kind: String, of device: DeviceID) async throws where A.Answer == Done {
        _ = try await client.perform(A.name, action, token: world.admin, answer: Done.self) { _ in
            [.entry(device: device.text, kind: kind, word: "")]
        }
    }

    /// Some owner's token fits: whoever lost an answer asks both.
    private func asOwner<T>(_ body: (World.Owner) async throws -> T) async throws -> T {
        var last: (any Error)?
        for owner in world.owners {
            do { return try await body(owner) } catch let refusal as Refusal where refusal.code == .forbidden {
                last = refusal
            }
        }
        throw last ?? CancellationError()
    }

    private mutating func configure(_ unit: World.Unit, _ device: DeviceID) async throws {
        let document = "{\"value\":\(dice.roll(0..<1_000_000))}"
        try await asOwner { owner in
            _ = try await client.perform(
                ConfigureDevice.name, ConfigureDevice(device: unit.serial, document: document), token: owner.token,
                answer: ConfigureDevice.Answer.self
            ) { [.entry(device: device.text, kind: "configured", word: "\"version\":\($0.version)")] }
        }
    }

    private func offer(_ unit: World.Unit, _ device: DeviceID) async throws {
        try await asOwner { owner in
            let answer = try await client.perform(
                OfferDevice.name, OfferDevice(device: unit.serial), token: owner.token, answer: OfferDevice.Answer.self
            ) { _ in [.entry(device: device.text, kind: "offered", word: "")] }
            world.remember(code: answer.code, of: unit.serial)
        }
    }

    private mutating func handOver(_ unit: inout World.Unit, _ status: DeviceStatus) async throws {
        if let wipe = status.wipe {
            forgetTenure(&unit)
            return try await sendReceipt(
                .init(kind: .wiped, device: status.device, at: World.clock(), nonce: wipe.nonce), unit.key, unit)
        }
        guard let code = world.code(of: unit.serial), dice.percent(80) else {
            // The code was lost with its answer, or nobody wants it: the owner takes the offer back.
            return try await asOwner { owner in
                _ = try await client.perform(
                    WithdrawOffer.name, WithdrawOffer(device: unit.serial), token: owner.token, answer: Done.self
                ) { _ in [.entry(device: status.device.text, kind: "offerWithdrawn", word: "")] }
            }
        }
        world.remember(code: nil, of: unit.serial)
        for owner in world.owners {
            do {
                _ = try await client.perform(
                    AcceptDevice.name, AcceptDevice(device: unit.serial, code: code), token: owner.token,
                    answer: Done.self
                ) { _ in [.entry(device: status.device.text, kind: "accepted", word: "")] }
                return
            } catch let refusal as Refusal where refusal.code == .conflict {}
        }
    }

    private mutating func release(_ unit: World.Unit, _ device: DeviceID) async throws {
        let sequence = world.sequence()
        let bytes = (0..<dice.roll(1000..<60_000)).map { _ in UInt8.random(in: 0...255, using: &dice) }
        let sha256 = LeafCertificate.sha256(bytes)
        try await client.upload(bytes, sha256: sha256, token: world.admin)
        let published = PublishRelease(
            product: World.product, sequence: sequence, version: "\(sequence)", hardware: [World.hardware],
            sha256: sha256, size: bytes.count)
        do {
            _ = try await client.perform(
                PublishRelease.name, published, token: world.admin, answer: PublishRelease.Answer.self
            ) { answer in
                [
                    .row(table: "release", column: "digest", value: answer.release.description),
                    .houseEntry(kind: "releasePublished", word: answer.release.description),
                ]
            }
        } catch let refusal as Refusal where refusal.code == .conflict {
            // Another client published a higher sequence in the meantime.
            return
        }
        _ = try await client.perform(
            OfferUpdate.name, OfferUpdate(product: World.product, sequence: sequence, devices: [unit.serial]),
            token: world.admin, answer: OfferUpdate.Answer.self
        ) { answer in
            answer.offered == 1
                ? [.entry(device: device.text, kind: "updateOffered", word: "\"sequence\":\(sequence)")] : []
        }
    }

    private mutating func people() async throws {
        let name = "person \(world.number())"
        if dice.percent(50) {
            _ = try await client.perform(
                AddOwner.name, AddOwner(owner: name, kind: .person), token: world.admin, answer: AddOwner.Answer.self
            ) { [.row(table: "owner", column: "id", value: $0.owner.text)] }
            return
        }
        _ = try await client.perform(
            AddPerson.name, AddPerson(person: name, role: .support), token: world.admin, answer: AddPerson.Answer.self
        ) {
            [
                .row(table: "person", column: "id", value: $0.person.id.text),
                .houseEntry(kind: "personAdded", word: $0.person.id.text),
            ]
        }
        _ = try await client.perform(
            IssueToken.name, IssueToken(person: name, label: "crash"), token: world.admin,
            answer: IssueToken.Answer.self
        ) { [.credential(hash: LeafCertificate.sha256(Array($0.token.utf8)).description)] }
    }
}
