import Passport
import Registry
import Store
import Testing
import Transfer
import Wire
import Workbench

@Suite struct `A transfer` {
    private func owned() async throws -> (HouseBench, BenchUnit, ada: Principal, ben: Principal) {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        let (ada, ben) = (try await bench.ownership("Ada"), try await bench.ownership("Ben"))
        try await bench.pair(unit, with: ada)
        return (bench, unit, ada, ben)
    }

    @Test func `ends everything of the old tenure in one transaction`() async throws {
        let (bench, unit, ada, ben) = try await owned()
        let operational = try await bench.enrol(unit)
        let house = bench.house
        let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        let before = try await house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger") }
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: code.lowercased()), as: ben)
        let kinds = try await house.read { rows in
            try rows.query("SELECT kind FROM ledger WHERE idx >= $1 ORDER BY idx", [Value(before)]).map {
                try $0.text("kind")
            }
        }
        #expect(kinds == ["accepted", "certificateRevoked", "tenureEnded"])
        let device = try await house.read { try Device.require(unit.serial, in: $0) }
        #expect(device.owner == nil && device.passport.tenure == nil && device.passport.certificates.isEmpty)
        #expect(device.passport.stage == .inTransfer && device.passport.wipeOwed)
        #expect(!operational.certificate.isEmpty)
    }

    @Test func `needs the code, ten tries at most, and its time`() async throws {
        let (bench, unit, ada, ben) = try await owned()
        let house = bench.house
        func refused(_ code: String, _ expected: Refusal.Code) async {
            await #expect { try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben) } throws: {
                ($0 as? Refusal)?.code == expected
            }
        }
        await refused("0000-0000-0000-0000", .notFound)
        let first = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        for _ in 0..<10 { await refused("0000-0000-0000-0000", .forbidden) }
        await refused(first, .tooMany)
        _ = try await house.perform(WithdrawOffer(device: unit.serial), as: ada)
        await refused(first, .notFound)
        let second = try await house.perform(OfferDevice(device: unit.serial, days: 1), as: ada).code
        await refused(first, .forbidden)
        bench.clock.advance(days: 2)
        await refused(second, .gone)
        await #expect { try await house.perform(AcceptDevice(device: unit.serial, code: second), as: ada) } throws: {
            $0 is Refusal
        }
    }

    @Test func `is the owner's to offer and to withdraw`() async throws {
        let (bench, unit, ada, ben) = try await owned()
        let house = bench.house
        await #expect { try await house.perform(OfferDevice(device: unit.serial), as: ben) } throws: {
            ($0 as? Refusal)?.rule == "tenure: owner only"
        }
        let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        await #expect { try await house.perform(WithdrawOffer(device: unit.serial), as: ben) } throws: {
            ($0 as? Refusal)?.rule == "tenure: owner only"
        }
        await #expect { try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ada) } throws: {
            ($0 as? Refusal)?.code == .conflict
        }
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben)
        // What is accepted cannot be taken back, and its code is spent.
        await #expect(throws: Refusal.self) { try await house.perform(WithdrawOffer(device: unit.serial), as: ada) }
        let eve = try await bench.ownership("Eve")
        await #expect { try await house.perform(AcceptDevice(device: unit.serial, code: code), as: eve) } throws: {
            ($0 as? Refusal)?.code == .notFound
        }
    }
}
