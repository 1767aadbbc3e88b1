import Passport
import Rollout
import Selection
import Wire

extension FuzzTarget {
    static let selection = [
        FuzzTarget("selector") { _ in
            [
                "all", "product = thermostat-2 and release < 7 and not (stage = quarantined or serial ~ TH)",
                "posture.channel in (beta, \"field \\\"test\\\"\") or seen <= 7d", "grade >= label and owner != none",
            ].map { Array($0.utf8) }
        } run: { bytes in
            guard let selector = try? Selector(text(bytes)) else { return }
            let printed = selector.description
            promise((try? Selector(printed)) == selector, "selector: printed, it is read as another")
            let narrowing = selector.narrowing
            guard let passport = FuzzSeeds.fixed.bornPassport else { return promise(false, "selector: no passport") }
            let facts = DeviceFacts(passport: passport, serial: "TH-1", hardware: "c", now: FuzzSeeds.now)
            guard selector.matches(facts) else { return }
            promise(narrowing.products?.contains(passport.product.text) ?? true, "selector: narrowed too far (product)")
            promise(narrowing.stages?.contains(passport.stage) ?? true, "selector: narrowed too far (stage)")
        },
        FuzzTarget("time-zone") { _ in
            ["UTC", "+02:00", "-0330", "Europe/Berlin"].map { Array($0.utf8) }
        } run: { bytes in
            guard let zone = DeviceZone(text(bytes)) else { return }
            let offset = zone.offsetSeconds(at: FuzzSeeds.now)
            promise(abs(offset) <= 15 * 3600, "time-zone: an offset of \(offset) s")
        },
        json("rollout-plan", RolloutPlan.self) { _ in
            [
                RolloutPlan(
                    product: FuzzSeeds.product, sequence: 7, selector: .all,
                    window: MaintenanceWindow(days: [6], from: 60, to: 120, zone: "Europe/Berlin"))
            ]
        } also: { plan in
            guard (try? plan.demandBounds()) != nil else { return }
            promise(plan.stages.last?.share == RolloutPlan.whole, "rollout-plan: somebody is in no stage")
        },
    ]
}

extension FuzzSeeds {
    /// A device that was just born.
    var bornPassport: Passport? {
        let name = CertificateName(serial: "01", sha256: Digest([1]), key: Digest([2]), notAfter: Self.now)
        return try? Passport.advance(
            nil, device: Self.device,
            by: .born(product: Self.product, batch: BatchID(trusted: "b"), birthCertificate: name), at: Self.now)
    }
}
