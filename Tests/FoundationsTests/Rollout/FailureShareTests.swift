import Rollout
import Testing

@Suite struct `A failure share` {
    /// Lower and upper one-sided 95 % bounds, from their definition: the share at which so many failures or more (or fewer)
    /// have a chance of 5 %, as sums of binomial chances in Python's decimal with 50 digits, bisected 80 times. SciPy calls
    /// them `beta.ppf(0.05, k, n - k + 1)` and `beta.ppf(0.95, k + 1, n - k)`.
    private static let table: [(failures: Int, answers: Int, lower: Double, upper: Double)] = [
        (0, 20, 0.0, 0.13910834066826522), (1, 20, 0.0025613787765302806, 0.21610616420684733),
        (2, 20, 0.018065203085418622, 0.2826185248858609), (3, 20, 0.04216940788577859, 0.34366380431428184),
        (10, 10, 0.7411344491069477, 1.0), (1, 100, 0.0005128014162622921, 0.04655981145353895),
        (3, 100, 0.008225829107652686, 0.07571079374983006), (5, 50, 0.04023659040211457, 0.1988330025164185),
        (49, 50, 0.9086018692803026, 0.9989746601327679), (20, 1000, 0.013293005534560483, 0.02893012285139871),
        (250, 10_000, 0.022484965920363253, 0.027723005901065405),
        (3, 1_000_000, 8.176919305463176e-07, 7.75363809884006e-06),
    ]

    @Test func `has the bounds that their definition gives`() {
        for row in Self.table {
            let lower = FailureShare.lower(row.failures, of: row.answers)
            let upper = FailureShare.upper(row.failures, of: row.answers)
            #expect(abs(lower - row.lower) <= 1e-9 + 1e-7 * row.lower, "\(row): \(lower)")
            #expect(abs(upper - row.upper) <= 1e-9 + 1e-7 * row.upper, "\(row): \(upper)")
        }
        #expect(FailureShare.lower(0, of: 50) == 0 && FailureShare.lower(0, of: 0) == 0)
        #expect(FailureShare.upper(50, of: 50) == 1 && FailureShare.upper(0, of: 0) == 1)
    }

    @Test func `lies between its bounds, which move as they should`() {
        for answers in [1, 2, 7, 20, 100, 5000] {
            var before = -1.0
            for failures in stride(from: 0, through: answers, by: max(1, answers / 50)) {
                let lower = FailureShare.lower(failures, of: answers)
                let upper = FailureShare.upper(failures, of: answers)
                let share = Double(failures) / Double(answers)
                #expect(lower <= share && share <= upper && lower > before, "\(failures) of \(answers)")
                before = failures == 0 ? -1 : lower
            }
        }
    }

    @Test func `is surely beyond a line exactly where its bound is`() {
        for (failures, answers) in [
            (1, 20), (2, 20), (3, 100), (5, 50), (20, 1000), (250, 10_000), (20_500, 1_000_000),
        ] {
            let bound = FailureShare.lower(failures, of: answers)
            for factor in [0.5, 0.99, 1.01, 1.5] {
                let line = bound * factor
                #expect(
                    FailureShare.isSurely(atLeast: line, failures, of: answers) == (factor < 1),
                    "\(failures) of \(answers)")
            }
        }
        #expect(!FailureShare.isSurely(atLeast: 0.5, 0, of: 0) && FailureShare.isSurely(atLeast: 0.5, 10, of: 10))
    }

    /// What the bound promises: with the true share at the line, so many failures or more come in at most 5 % of all canaries.
    @Test func `stops a release at the line in at most one canary of twenty`() {
        for (answers, line) in [(20, 0.02), (50, 0.02), (100, 0.01), (400, 0.05)] {
            let least = (0...answers).first { FailureShare.isSurely(atLeast: line, $0, of: answers) } ?? answers
            var chance = 1.0
            for _ in 0..<answers { chance *= 1 - line }
            var below = 0.0
            for k in 0..<least {
                below += chance
                chance *= line / (1 - line) * Double(answers - k) / Double(k + 1)
            }
            #expect(1 - below <= 0.05 && 1 - below > 0, "\(answers): \(least) failures, \(1 - below)")
        }
    }
}
