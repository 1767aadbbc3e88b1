import Manufacture
import Pairing
import Passport
import Registry
import Store
import Testing
import Trust
import Wire
import Workbench

@Suite struct `Pairing` {
    private static let secret = PairingSecret.make(random: Array(1...10))
    private static let code = LabelCode.make(random: Array(1...5))

    /// A shipped unit with a label, as a station with labels would have made it.
    private func labelled() async throws -> (HouseBench, BenchUnit, Principal) {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        let hash = try PairingSecret.hash(Self.secret, salt: Array(1...16))
        let digest = try #require(LabelCode.digest(serial: unit.serial, code: Self.code))
        _ = try await bench.house.database.write { rows in
            try rows.execute(
                "UPDATE device SET secret_hash = $1, label_code = $2 WHERE id = $3",
                [.text(hash), Value(digest), Value(unit.device)])
        }
        return (bench, unit, try await bench.ownership())
    }

    private func device(_ bench: HouseBench, _ unit: BenchUnit) async throws -> Device {
        try await bench.house.read { try Device.require(unit.serial, in: $0) }
    }

    @Test func `records how strongly it was shown`() async throws {
        for (grade, code, secret) in [
            (Grade.declared, nil, nil), (.label, Self.code, nil), (.secret, nil, Self.secret),
            (.secret, Self.code, Self.secret),
        ] as [(Grade, String?, String?)] {
            let (bench, unit, ada) = try await labelled()
            let pairing = PairDevice(device: unit.serial, grade: grade, labelCode: code, secret: secret)
            #expect(try await bench.house.perform(pairing, as: ada).state == .paired)
            let device = try await device(bench, unit)
            #expect(device.passport.tenure?.grade == grade && device.owner == ada.owner)
            #expect((device.secretHash == nil) == (grade == .secret))
        }
    }

    @Test func `locks after ten wrong secrets, raises one alarm, and is unlocked by the maker`() async throws {
        let (bench, unit, ada) = try await labelled()
        let house = bench.house
        let wrong = PairDevice(device: unit.serial, grade: .label, labelCode: "0000-0000")
        for left in (0..<10).reversed() {
            await #expect { try await house.perform(wrong, as: ada) } throws: { error in
                let refusal = error as? Refusal
                return refusal?.code == .forbidden && refusal?.detail.contains("\(left) attempts") == true
            }
        }
        let right = PairDevice(device: unit.serial, grade: .label, labelCode: Self.code)
        await #expect { try await house.perform(right, as: ada) } throws: { ($0 as? Refusal)?.code == .tooMany }
        #expect(try await bench.alarms(.pairingLocked, on: unit) == 1)
        // Who can guess no more can still prove: the lock is no way to keep an owner from a device.
        let proven = PairDevice(device: unit.serial, grade: .proven)
        #expect(try await house.perform(proven, as: ada).state == .waitingForProof)
        await #expect { try await house.perform(UnlockPairing(device: unit.serial), as: ada) } throws: {
            ($0 as? Refusal)?.code == .forbidden
        }
        _ = try await house.perform(UnlockPairing(device: unit.serial), as: Principal(role: .makerAdmin))
        #expect(try await house.perform(right, as: ada).state == .paired)
    }

    @Test func `below the product's grade is refused`() async throws {
        let (bench, unit, ada) = try await labelled()
        _ = try await bench.house.database.write { rows in
            try rows.execute("UPDATE product SET minimum_grade = 'label'", [])
        }
        await #expect {
            try await bench.house.perform(PairDevice(device: unit.serial, grade: .declared), as: ada)
        } throws: {
            ($0 as? Refusal)?.rule == "product: minimum grade"
        }
    }

    @Test func `with the device's own proof still demands of the person what the product demands`() async throws {
        for (minimum, shown) in [
            (Grade.label, PairDevice(device: "", grade: .proven, labelCode: Self.code)),
            (.secret, PairDevice(device: "", grade: .proven, secret: Self.secret)),
            (.proven, PairDevice(device: "", grade: .proven, secret: Self.secret)),
        ] {
            let (bench, unit, ada) = try await labelled()
            _ = try await bench.house.database.write { rows in
                try rows.execute("UPDATE product SET minimum_grade = $1", [.text(minimum.rawValue)])
            }
            // Somebody who knows a serial, and nothing else.
            await #expect {
                try await bench.house.perform(PairDevice(device: unit.serial, grade: .proven), as: ada)
            } throws: {
                ($0 as? Refusal)?.rule == "pairing: wrong secret"
            }
            var right = shown
            right.device = unit.serial
            #expect(try await bench.house.perform(right, as: ada).state == .waitingForProof)
        }
    }

    @Test(arguments: [Grade.label, .secret]) func `locks with any grade where a code is demanded of the person`(
        _ minimum: Grade
    ) async throws {
        let (bench, unit, ada) = try await labelled()
        let house = bench.house
        _ = try await house.database.write { rows in
            try rows.execute("UPDATE product SET minimum_grade = $1", [.text(minimum.rawValue)])
        }
        let isLabel = minimum == .label
        let wrong = PairDevice(
            device: unit.serial, grade: .proven, labelCode: isLabel ? "0000-0000" : nil,
            secret: isLabel ? nil : "0000-0000-0000-0000")
        for attempt in 1...10 {
            await #expect("attempt \(attempt)") { try await house.perform(wrong, as: ada) } throws: {
                ($0 as? Refusal)?.rule == "pairing: wrong secret"
            }
        }
        let right = PairDevice(
            device: unit.serial, grade: .proven, labelCode: isLabel ? Self.code : nil,
            secret: isLabel ? nil : Self.secret)
        for pairing in [wrong, right] {
            await #expect { try await house.perform(pairing, as: ada) } throws: { ($0 as? Refusal)?.code == .tooMany }
        }
        #expect(try await device(bench, unit).pairingFailures == 10)
        #expect(try await bench.alarms(.pairingLocked, on: unit) == 1)
    }

    @Test func `uses up a secret that the product demanded, whichever grade it was shown for`() async throws {
        for (minimum, isSpent) in [(Grade.label, false), (.secret, true), (.proven, true)] {
            let (bench, unit, ada) = try await labelled()
            let house = bench.house
            _ = try await house.database.write { rows in
                try rows.execute("UPDATE product SET minimum_grade = $1", [.text(minimum.rawValue)])
            }
            let pairing = PairDevice(
                device: unit.serial, grade: .proven, labelCode: Self.code, secret: Self.secret)
            #expect(try await house.perform(pairing, as: ada).state == .waitingForProof)
            let nonce = try await house.read { try #require(try $0.first("SELECT nonce FROM pairing")).text("nonce") }
            let receipt = Receipt(kind: .pairingProof, device: unit.device, at: bench.clock.now, nonce: nonce)
            let seal = try Seal.sign(
                type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: unit.key)
            _ = try await house.perform(ProvePresence(seal: seal), as: .device(unit.device))
            let device = try await device(bench, unit)
            #expect(device.passport.tenure?.grade == .proven)
            #expect((device.secretHash == nil) == isSpent, "\(minimum)")
        }
    }

    @Test func `checks few secrets at once, and says so to the rest`() async throws {
        let desk = SecretDesk()
        let hash = try PairingSecret.hash(Self.secret, salt: Array(1...16))
        let outcomes = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<40 { group.addTask { try? await desk.verify(Self.secret, against: hash) } }
            return await group.reduce(into: [Bool?]()) { $0.append($1) }
        }
        #expect(outcomes.contains(nil), "All 40 were let in at once.")
        #expect(outcomes.compactMap { $0 }.count >= 16 && outcomes.compactMap { $0 }.allSatisfy { $0 })
        #expect(try await desk.verify(Self.secret, against: hash))
    }

    @Test func `of a device that is owned, not shipped or unknown is refused with what to do`() async throws {
        let (bench, unit, ada) = try await labelled()
        let house = bench.house
        let ben = try await bench.ownership("Ben")
        try await bench.pair(unit, with: ada)
        for (device, rule) in [
            (unit.serial, "stage inUse: pair"),
            (try await bench.makeUnits(1, shipped: false, station: "line-2")[0].serial, "stage made: pair"),
        ] {
            await #expect { try await house.perform(PairDevice(device: device, grade: .declared), as: ben) } throws: {
                error in
                let refusal = error as? Refusal
                return refusal?.rule == rule && refusal?.hint.isEmpty == false
            }
        }
        await #expect { try await house.perform(PairDevice(device: "NOBODY-1", grade: .declared), as: ben) } throws: {
            ($0 as? Refusal)?.code == .notFound
        }
        await #expect {
            try await house.perform(PairDevice(device: unit.serial, grade: .voucher), as: Principal(role: .makerAdmin))
        } throws: {
            ($0 as? Refusal)?.code == .forbidden
        }
    }

    @Test func `by two at once gives one owner`() async throws {
        let (bench, unit, ada) = try await labelled()
        let ben = try await bench.ownership("Ben")
        let won = try await withThrowingTaskGroup(of: Bool.self) { group in
            for principal in [ada, ben, ada, ben] {
                group.addTask {
                    do {
                        try await bench.pair(unit, with: principal)
                        return true
                    } catch is Refusal {
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(won == 1)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }
}
