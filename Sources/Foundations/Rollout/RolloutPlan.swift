import Passport
import Selection
import Wire

/// How a release goes into the field, as one person writes it down and another approves it. It never changes after that.
package struct RolloutPlan: Codable, Sendable, Equatable {
    /// A part of the fleet that is offered the release together.
    package struct Stage: Codable, Sendable, Equatable {
        /// Up to which share of the fleet, in parts of 10,000; a device's place in a rollout is fixed.
        package var share: Int
        /// Only these; everybody of that share if it is missing.
        package var selector: Selector?
        /// Behind it a person looks before the next one opens.
        package var pause: Bool?

        package init(share: Int, selector: Selector? = nil, pause: Bool? = nil) {
            self.share = share
            self.selector = selector
            self.pause = pause
        }
    }

    package var product: ProductID
    /// The release's.
    package var sequence: Int
    /// Which devices of the product.
    package var selector: Selector
    /// In order; the last one is everybody who is left.
    package var stages: [Stage]
    /// Seconds that a device has to be alive and quiet after it confirmed the release.
    package var soakSeconds: Int
    /// Seconds from the offer after which silence is a failure.
    package var deadlineSeconds: Int
    /// Only devices are offered anything that made contact within so many seconds, and they are alive if they did so again.
    package var aliveSeconds: Int
    /// The failure share, in parts of 10,000, beyond which the rollout stops.
    package var failureLine: Int
    /// Answers without which nothing is concluded from a share.
    package var minimumSample: Int
    /// The offers of a stage are spread over so many seconds.
    package var spreadSeconds: Int
    package var window: MaintenanceWindow?
    /// The outside check is asked before each stage opens, the first one too.
    package var check: Bool?
    /// It takes devices back, from the release of that number to the one before it, which is `sequence`.
    package var returnsFrom: Int?

    package init(
        product: ProductID, sequence: Int, selector: Selector = .all, stages: [Stage] = usualStages,
        soakSeconds: Int = 86_400, deadlineSeconds: Int = 3 * 86_400, aliveSeconds: Int = 86_400,
        failureLine: Int = 200, minimumSample: Int = 20, spreadSeconds: Int = 0, window: MaintenanceWindow? = nil,
        check: Bool? = nil, returnsFrom: Int? = nil
    ) {
        self.product = product
        self.sequence = sequence
        self.selector = selector
        self.stages = stages
        self.soakSeconds = soakSeconds
        self.deadlineSeconds = deadlineSeconds
        self.aliveSeconds = aliveSeconds
        self.failureLine = failureLine
        self.minimumSample = minimumSample
        self.spreadSeconds = spreadSeconds
        self.window = window
        self.check = check
        self.returnsFrom = returnsFrom
    }

    /// The whole fleet, as parts of 10,000.
    package static let whole = 10_000
    package static let maximumStages = 20
    private static let year = 366 * 86_400
    /// A canary of one percent behind which a person looks, ten percent, half, and the rest.
    package static let usualStages = [
        Stage(share: 100, pause: true), Stage(share: 1000), Stage(share: 5000), Stage(share: whole),
    ]

    package func demandBounds() throws(Refusal) {
        func demand(_ holds: Bool, _ what: String, _ hint: String) throws(Refusal) {
            guard holds else { throw Refusal(.malformed, what, hint: hint, rule: "rollout: plan") }
        }
        try demand(
            (1...Self.maximumStages).contains(stages.count), "The plan has \(stages.count) stages.",
            "Give 1 to \(Self.maximumStages).")
        try demand(
            stages.allSatisfy { (1...Self.whole).contains($0.share) }
                && zip(stages, stages.dropFirst()).allSatisfy { $0.share <= $1.share },
            "The shares of the stages do not grow.", "Give parts of \(Self.whole), each as large as the one before.")
        try demand(
            stages.last.map { $0.share == Self.whole && $0.selector == nil && $0.pause != true } ?? false,
            "The last stage is not the rest of the fleet.",
            "End with a stage of share \(Self.whole), without a selector and without a pause.")
        try demand(sequence > 0, "There is no release \(sequence).", "Give the sequence of a published release.")
        for (name, seconds, least) in [
            ("soakSeconds", soakSeconds, 0), ("deadlineSeconds", deadlineSeconds, 1),
            ("aliveSeconds", aliveSeconds, 1), ("spreadSeconds", spreadSeconds, 0),
        ] {
            try demand(
                (least...Self.year).contains(seconds), "\(name) is \(seconds).", "Give \(least) to \(Self.year).")
        }
        try demand(
            (1..<Self.whole).contains(failureLine), "The failure line is \(failureLine).",
            "Give parts of \(Self.whole): 200 is 2 %.")
        try demand(
            (1...100_000).contains(minimumSample), "The minimum sample is \(minimumSample).", "Give 1 to 100000.")
        try demand(
            returnsFrom.map { $0 > sequence } ?? true, "A return goes to a lower release.",
            "Give in returnsFrom the release that devices run, and in sequence the one before it.")
        try window?.demandBounds()
    }

    /// The stage that the device belongs to, counted from 0; nil if it is not in the rollout.
    package func stage(of facts: DeviceFacts, in rollout: RolloutID) -> Int? {
        guard isFor(facts.passport), selector.matches(facts) else { return nil }
        let place = RolloutPlace.share(of: facts.passport.device, in: rollout)
        return stages.firstIndex { place < $0.share && ($0.selector?.matches(facts) ?? true) }
    }

    /// Whether the release may be offered to the device, and is news to it.
    package func isFor(_ passport: Passport) -> Bool {
        guard passport.product == product, passport.allows(.firmware), passport.allows(.backEnd) else { return false }
        if let returnsFrom { return passport.installed?.sequence == returnsFrom && passport.offeredUpdate == nil }
        return (passport.installed?.sequence ?? 0) < sequence && (passport.offeredUpdate?.sequence ?? 0) < sequence
    }
}

/// Where a device stands in a rollout: the same at every look and on every node, evenly spread over the fleet, and another
/// in each rollout, so that it is not always the same devices that go first. No secret: whoever knows the names can tell.
package enum RolloutPlace {
    /// 0 to 9,999.
    package static func share(of device: DeviceID, in rollout: RolloutID) -> Int {
        Int(mix(device, rollout, salt: 1) % UInt64(RolloutPlan.whole))
    }

    /// When its turn is within a stage that is spread over `seconds`: 0 to `seconds` - 1.
    package static func delaySeconds(of device: DeviceID, in rollout: RolloutID, spread seconds: Int) -> Int64 {
        seconds > 0 ? Int64(mix(device, rollout, salt: 2) % UInt64(seconds)) : 0
    }

    /// FNV-1a over the names, then the finish of SplitMix64, because FNV alone mixes its last bytes badly.
    private static func mix(_ device: DeviceID, _ rollout: RolloutID, salt: UInt8) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        take(salt)
        rollout.text.utf8.forEach(take)
        take(0)
        device.text.utf8.forEach(take)
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }
}
