/// How many devices of a rollout stand where. Devices are counted where they change, never one by one.
package struct RolloutCounts: Codable, Sendable, Hashable {
    /// Theirs is the open stage; their turn (window, spread) has not come.
    package var waiting = 0
    /// Not heard of lately: not offered anything until they are.
    package var asleep = 0
    /// It is offered to them, and they have not answered.
    package var offered = 0
    /// Installed and confirmed; watched for the soak time.
    package var soaking = 0
    /// Installed, confirmed, alive and quiet to the end of the soak time.
    package var done = 0
    package var failed = 0
    /// No answer within the deadline, or not heard of after it: counted like a failure.
    package var silent = 0
    /// Sold, retired, given another release: they count for nothing.
    package var left = 0

    package init() {}

    /// Those of which anything can be said: what a failure share is a share of.
    package var answered: Int { soaking + done + failed + silent }
    package var failures: Int { failed + silent }
    package var all: Int { waiting + asleep + offered + soaking + done + failed + silent + left }
}

/// The numbers behind a rollout's decision, as the ledger keeps them. Shares are in parts of 10,000, because the ledger has no
/// fractions.
package struct RolloutNumbers: Codable, Sendable, Hashable {
    /// The open stage, counted from 1, and its devices.
    package var stage: Int
    package var ofStage: RolloutCounts
    package var ofAll: RolloutCounts
    /// Lower 95 % bound of the failure share, the higher of the stage's and the whole's, rounded down.
    package var bound: Int
    /// The share beyond which the rollout stops.
    package var line: Int

    package init(stage: Int, ofStage: RolloutCounts, ofAll: RolloutCounts, bound: Int, line: Int) {
        self.stage = stage
        self.ofStage = ofStage
        self.ofAll = ofAll
        self.bound = bound
        self.line = line
    }
}
