import Foundation
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Store
import Transfer
import Trust
import Use
import Wire

/// Devices, owners and the maker: each a task that asks some node for something, mostly with sense; what they are told is
/// written down in the books.
extension RegistryWorld {
    enum Outcome<T: Sendable>: Sendable { case done(T), refused(Refusal), unknown }

    /// A loop that ends with the steps or the first violation.
    func client(_ number: Int) async {
        while report.steps < steps, violation == nil {
            await driver.pause()
            report.steps += 1
            do {
                try await weather()
                if report.steps % 20 == 0 { try await tamper() }
                if report.steps % options.checkEvery == 0 { try await check() }
                try await act()
            } catch let found as Violation {
                violation = violation ?? found
            } catch let complaint as Bystander.Complaint {
                violation = violation ?? found(complaint.invariant, complaint.detail)
            } catch {
                strange.append("client \(number): \(error)")
                return
            }
        }
    }

    /// Time goes on, clocks are wrong, nodes die by themselves, publishers publish.
    private func weather() async throws {
        now += Int64(random.below(3000))
        switch random.below(400) {
        case 0: if random.oneIn(10) { skews[random.below(skews.count)] = Int64(random.below(7_200_000)) - 3_600_000 }
        case 1...6: skews[random.below(skews.count)] = Int64(random.below(4000)) - 2000
        case 7: crash(random.below(nodes.count))
        case 8...11:
            guard let node = random.pick(nodes.compactMap { $0 }) else { return }
            do {
                try await Publisher(node.house).publish()
                await node.house.contacts.flush()
                try await Issuer.sweep(node.house)
            } catch let refusal as Refusal where refusal.code == .unavailable {}
        default: break
        }
    }

    /// One request: lost on its way, its answer lost, its node dead, or told.
    func ask<T: Sendable>(
        _ event: String?, of unit: Unit, mark: String? = nil,
        _ call: @escaping @Sendable (House) async throws -> T
    ) async throws -> Outcome<T> {
        let number = random.below(nodes.count)
        guard let node = nodes[number], !random.oneIn(40) else { return .unknown }
        let count = event.map { LedgerFold.Count(device: unit.id, kind: $0) }
        if random.oneIn(40) {
            // Doubled on its way: the second lives its own life, and nobody hears its answer.
            books.begin(count)
            Task.detached { _ = try? await call(node.house) }
        }
        books.begin(count)
        do {
            let answer = try await call(node.house)
            guard !node.database.isDead, !random.oneIn(40) else { return unknown() }
            books.done(count)
            if let mark { books.mark(mark) }
            report.answered += 1
            tell("\(event ?? "done") \(unit.serial) at node \(number)")
            return .done(answer)
        } catch let refusal as Refusal {
            guard !node.database.isDead, refusal.code != .unavailable else { return unknown() }
            guard refusal.code != .internal else { throw found(.replay, "a node said internal: \(refusal.detail)") }
            books.refused(count)
            if let mark { books.deny(mark) }
            report.refused += 1
            return .refused(refusal)
        }
    }

    private func unknown<T: Sendable>() -> Outcome<T> {
        report.unknown += 1
        return .unknown
    }

    // MARK: - What is asked

    private func act() async throws {
        let index = random.below(units.count)
        let unit = units[index]
        let id = unit.id
        let passport = try await look { try Device.require(id.text, in: $0).passport }
        if random.oneIn(8), let node = random.pick(nodes.compactMap { $0 }) {
            do { try await judgeRights(of: unit, at: node) } catch let refusal as Refusal
                where refusal.code == .unavailable
            {}
            return
        }
        let choice = random.oneIn(7) ? random.below(24) : sensible(passport)
        switch choice {
        case 0...1: try await ship(unit)
        case 2...3: try await pair(unit)
        case 4...6: try await enrol(unit)
        case 7: try await renew(unit)
        case 8...9: try await checkIn(unit)
        case 10: try await configure(unit, passport)
        case 11: try await receipt(unit, passport)
        case 12: try await quarantine(unit)
        case 13:
            _ = try await ask("restored", of: unit) {
                try await $0.perform(RestoreDevice(device: id.text), as: .system)
            }
        case 14: try await offer(unit)
        case 15:
            _ = try await ask("offerWithdrawn", of: unit) {
                try await $0.perform(WithdrawOffer(device: id.text), as: .system)
            }
        case 16: try await accept(unit)
        case 17...18: try await wipe(unit)
        case 19: try await release(unit, passport)
        case 20: if random.oneIn(3) { try await retire(unit) }
        case 21: try await replay(unit)
        case 22: try await prove(unit)
        default: try await replaceTheDead(passport)
        }
    }

    private func sensible(_ passport: Passport) -> Int {
        let choices: [Int] =
            switch passport.stage {
            case .made: [0]
            case .shipped, .claimable: [2, 2, 22, 19]
            case .inUse: passport.certificates.isEmpty ? [4, 4, 4, 14] : [7, 8, 8, 10, 11, 11, 12, 14, 14, 19, 20]
            case .quarantined: [13, 13, 19, 11]
            case .inTransfer: passport.wipeOwed ? [17, 17, 21] : [16, 16, 15]
            case .retired: passport.wipeOwed ? [17] : [23, 23, 21]
            }
        return random.pick(choices) ?? 0
    }

    private func ship(_ unit: Unit) async throws {
        _ = try await ask("shipped", of: unit) { house in
            let answer = try await house.perform(ShipDevices(devices: [unit.id.text]), as: .system)
            // Shipped before: done, and no event. For the books that is a refusal.
            guard answer.shipped == 1 else { throw Refusal(.conflict, "Shipped before.", hint: "Go on.") }
        }
    }

    private func pair(_ unit: Unit) async throws {
        guard let owner = random.pick(owners) else { return }
        let grade: Grade = random.oneIn(3) ? .proven : .declared
        let outcome = try await ask(nil, of: unit) {
            try await $0.perform(PairDevice(device: unit.id.text, grade: grade), as: owner)
        }
        if case .done(let answer) = outcome, let tenure = answer.tenure { books.mark("tenure \(tenure)") }
    }

    /// The device answers the challenge that it finds.
    private func prove(_ unit: Unit) async throws {
        let nonce = try await look {
            try $0.first("SELECT nonce FROM pairing WHERE device = $1", [Value(unit.id)])?.text("nonce")
        }
        let proof = Receipt(kind: .pairingProof, device: unit.id, at: Timestamp(milliseconds: now), nonce: nonce)
        let seal = try sign(proof, with: unit.key)
        _ = try await ask(nil, of: unit) { try await $0.perform(ProvePresence(seal: seal), as: .device(unit.id)) }
    }

    private func sign(_ receipt: Receipt, with key: SimulatedKey) throws -> Seal {
        try Seal.sign(type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: key)
    }

    private func enrol(_ unit: Unit) async throws {
        let key = try makeKey()
        let request = try VerifiedRequest(der: CertificationRequest.enrolment(device: unit.id, key: key))
        let outcome = try await ask(nil, of: unit) { house in
            let shown = try house.authorities.verifier(for: .birth)
                .verify(leaf: unit.birth, at: max(house.clock(), .init(milliseconds: self.now)), purpose: .birth).get()
            return try await EnrolDevice(device: unit.id, request: request, proof: .birth(shown)).perform(in: house)
        }
        if case .done(let der) = outcome { try keep(der, key, unit) }
    }

    private func keep(_ der: [UInt8], _ key: SimulatedKey, _ unit: Unit) throws {
        let serial = try CertificateReference(of: der).serial
        books.mark("certificate \(serial)")
        guard let index = units.firstIndex(where: { $0.id == unit.id }) else { return }
        units[index].operational = (der, key)
    }

    private static func shown(_ unit: Unit, at house: House) throws -> VerifiedCertificate {
        guard let held = unit.operational else {
            throw Refusal(.unauthenticated, "It has none.", hint: "Enrol.")
        }
        return try house.authorities.verifier(for: .operational)
            .verify(leaf: held.der, at: house.clock(), purpose: .operational).get()
    }

    private func renew(_ unit: Unit) async throws {
        let key = try makeKey()
        let outcome = try await ask(nil, of: unit) { house in
            let shown = try Self.shown(unit, at: house)
            let csr = try CertificationRequest.renewal(
                subjectDER: shown.subjectDER, alternativeNamesDER: shown.sanDER, key: key)
            return try await EnrolDevice(
                device: unit.id, request: VerifiedRequest(der: csr), proof: .operational(shown)
            ).perform(in: house)
        }
        if case .done(let der) = outcome { try keep(der, key, unit) }
    }

    private func checkIn(_ unit: Unit) async throws {
        let report = CheckInReport(agent: "simulation/1", sequence: 0, version: "0", posture: ["seed": "\(seed)"])
        _ = try await ask(nil, of: unit) { house in
            let shown = try Self.shown(unit, at: house)
            return try await CheckIn(device: unit.id, report: report, shown: shown).perform(in: house)
        }
    }

    private func configure(_ unit: Unit, _ passport: Passport) async throws {
        _ = try await ask("configured", of: unit) {
            try await $0.perform(ConfigureDevice(device: unit.id.text, document: #"{"interval":60}"#), as: .system)
        }
    }

    /// What became of a configuration or a release, signed with the key that the device has.
    private func receipt(_ unit: Unit, _ passport: Passport) async throws {
        let isCutOff = !passport.may(.backEnd).allowed
        guard let key = isCutOff ? unit.key : unit.operational?.key else { return }
        let at = Timestamp(milliseconds: now)
        var receipt = Receipt(
            kind: .configured, device: unit.id, at: at, configuration: passport.configurationVersion)
        // Also of what was taken back, or replaced, while the device was at it.
        if let offered = random.oneIn(3) ? passport.earlierOffer : passport.offeredUpdate, random.oneIn(2) {
            receipt = Receipt(
                kind: random.oneIn(4) ? .rolledBack : .updated, device: unit.id, at: at, release: offered.release,
                sequence: offered.sequence)
        }
        let seal = try sign(receipt, with: key)
        _ = try await ask(nil, of: unit) { try await $0.perform(RecordReceipt(seal: seal), as: .device(unit.id)) }
    }

    private func quarantine(_ unit: Unit) async throws {
        let reason = "step-\(report.steps)"
        // A doubled one may be refused and yet be there; it counts with the others.
        _ = try await ask("quarantined", of: unit) {
            try await $0.perform(QuarantineDevice(device: unit.id.text, reason: reason), as: .system)
        }
    }

    private func offer(_ unit: Unit) async throws {
        let outcome = try await ask("offered", of: unit) {
            try await $0.perform(OfferDevice(device: unit.id.text), as: .system)
        }
        guard case .done(let answer) = outcome, let index = units.firstIndex(where: { $0.id == unit.id }) else {
            return
        }
        units[index].transferCode = answer.code
    }

    private func accept(_ unit: Unit) async throws {
        guard let buyer = random.pick(owners), let code = unit.transferCode else { return }
        _ = try await ask("accepted", of: unit) {
            try await $0.perform(AcceptDevice(device: unit.id.text, code: code), as: buyer)
        }
    }

    private func wipe(_ unit: Unit) async throws {
        let nonce = try await look { try WipeOrders.pending(for: unit.id, in: $0) }
        let seal = try sign(
            Receipt(kind: .wiped, device: unit.id, at: Timestamp(milliseconds: now), nonce: nonce), with: unit.key)
        let payload = LeafCertificate.sha256(try seal.payloadBytes())
        let outcome = try await ask(nil, of: unit) {
            try await $0.perform(RecordWipe(seal: seal), as: .device(unit.id))
        }
        if case .done = outcome { books.mark("receipt \(payload)") }
        if let index = units.firstIndex(where: { $0.id == unit.id }) { units[index].oldReceipt = seal }
    }

    /// Somebody sends again what was sent long ago.
    private func replay(_ unit: Unit) async throws {
        guard let seal = unit.oldReceipt else { return }
        _ = try await ask(nil, of: unit) { try await $0.perform(RecordWipe(seal: seal), as: .device(unit.id)) }
    }

    private func retire(_ unit: Unit) async throws {
        _ = try await ask("retired", of: unit) {
            try await $0.perform(RetireDevice(device: unit.id.text, how: .recycled), as: .system)
        }
    }

    /// Publishes now and then, and offers the newest to a device, as a remedy or not.
    private func release(_ unit: Unit, _ passport: Passport) async throws {
        if sequence == 0 || random.oneIn(30) {
            let bytes = Array("release".utf8)
            let sha256 = LeafCertificate.sha256(bytes)
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/artifacts/\(sha256)"))
            let next = sequence + 1
            let outcome = try await ask(nil, of: unit) {
                try await $0.perform(
                    PublishRelease(
                        product: Self.product, sequence: next, version: "\(next)", hardware: ["board-c"],
                        sha256: sha256,
                        size: bytes.count), as: .system)
            }
            if case .unknown = outcome {} else { sequence = max(sequence, next) }
        }
        let (newest, remedy) = (max(1, sequence), random.oneIn(2))
        _ = try await ask("updateOffered", of: unit) { house in
            let answer = try await house.perform(
                OfferUpdate(
                    product: Self.product, sequence: newest, devices: [unit.id.text], remedy: remedy), as: .system)
            // Skipped is done without an event. For the books that is a refusal.
            guard answer.offered == 1 else { throw Refusal(.conflict, "Skipped.", hint: "Go on.") }
        }
    }

    private func replaceTheDead(_ passport: Passport) async throws {
        guard random.oneIn(12), let node = random.pick(nodes.compactMap { $0 }) else { return }
        do {
            try await makeUnits(6, at: node.house)
            for number in nodes.indices { try await nodes[number]?.house.authorities.reload(for: self, number) }
        } catch let refusal as Refusal where refusal.code == .unavailable {}
    }
}
