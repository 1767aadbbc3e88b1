import Passport
import Registry
import Wire

/// A device's life as stretches of time, each in one stage, with what happened in it.
struct LifeLine {
    struct Stretch: Equatable {
        var stage: Stage
        var from: Timestamp
        var to: Timestamp
        /// The event that began it ("paired").
        var begunBy: String
        /// Events within it, without the one that began it.
        var events: [Mark]
    }

    struct Mark: Equatable {
        var at: Timestamp
        var index: Int64
        var kind: String
        var sentence: String
    }

    private(set) var stretches: [Stretch] = []
    /// Stretches before the first that is shown.
    private(set) var omitted = 0
    let now: Timestamp

    /// Stretches that a picture holds; a device that was resold many times shows its last ones.
    static let limit = 14

    init(_ entries: [LedgerEntryView], now: Timestamp) {
        self.now = now
        for entry in entries {
            let mark = Mark(at: entry.at, index: entry.index, kind: entry.kind, sentence: entry.sentence)
            if let stage = Self.stage(after: entry.kind, in: stretches.last?.stage), stage != stretches.last?.stage {
                end(at: entry.at)
                stretches.append(
                    Stretch(stage: stage, from: entry.at, to: entry.at, begunBy: entry.kind, events: []))
            } else if !stretches.isEmpty {
                stretches[stretches.count - 1].events.append(mark)
            }
        }
        end(at: max(now, stretches.last?.from ?? now))
        if stretches.count > Self.limit {
            omitted = stretches.count - Self.limit
            stretches.removeFirst(omitted)
        }
    }

    private mutating func end(at: Timestamp) {
        guard !stretches.isEmpty else { return }
        stretches[stretches.count - 1].to = at
    }

    /// The stage that an event leads to; nil if it leads to none.
    static func stage(after kind: String, in stage: Stage?) -> Stage? {
        switch kind {
        case "born": .made
        case "shipped": .shipped
        case "paired", "restored", "offerWithdrawn": .inUse
        case "quarantined": .quarantined
        case "offered": .inTransfer
        case "wiped": stage == .inTransfer ? .claimable : nil
        case "retired": .retired
        default: nil
        }
    }

    /// Widths that sum to `total`: longer stretches are wider, by their logarithm, and every one has room for its name.
    static func widths(_ stretches: [Stretch], total: Double, least: Double) -> [Double] {
        guard !stretches.isEmpty else { return [] }
        let weights = stretches.map { stretch -> Double in
            let bits = UInt64(max(0, stretch.to.seconds(since: stretch.from)) + 1)
            return Double(64 - bits.leadingZeroBitCount) + 2
        }
        let spare = max(0, total - least * Double(stretches.count))
        let sum = weights.reduce(0, +)
        return weights.map { least + spare * $0 / sum }
    }
}
