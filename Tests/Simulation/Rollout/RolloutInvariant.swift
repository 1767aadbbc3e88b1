import Foundation
import Passport
import Rollout
import Wire

/// What must hold of every rollout (docs/simulation.md has a sentence for each).
package enum RolloutInvariant: String, CaseIterable, Sendable {
    case countedOnce = "counted-once"
    case staged = "staged"
    case inWindow = "in-window"
    case soaked = "soaked"
    case silenceFails = "silence-fails"
    case stopsByNumbers = "stops-by-numbers"
    case advancesWhole = "advances-whole"
    case stoppedIsFinal = "stopped-is-final"
}

package struct RolloutViolation: Error, Sendable, CustomStringConvertible {
    package var invariant: RolloutInvariant
    package var detail: String
    package var seed: UInt64
    package var description: String { "invariant \(invariant.rawValue) does not hold in seed \(seed): \(detail)" }
}

/// How a simulated rollout went.
package struct RolloutReport: Sendable, Equatable {
    package var devices: Int
    package var status: RolloutState.Status
    /// Stages that were opened.
    package var stages: Int
    package var counts: RolloutCounts
    /// Offers in all.
    package var offers: Int
    /// Minutes of simulated time.
    package var minutes: Int
    package var decisions: Int
    /// A number over all decisions and their numbers: the same seed gives the same.
    package var trace: UInt64
}

/// The rule by which a rollout stops, written down a second time: as a sum of binomial chances, in logarithms.
enum StopStatement {
    /// Whether so many failures or more would come by chance in at most 5 % of all cases, if the true share were the line.
    static func demandsStop(failures: Int, of answers: Int, line: Double, minimum: Int) -> Bool {
        guard answers >= minimum, failures > 0 else { return false }
        var log = Double(answers) * log1p(-line)
        let odds = Foundation.log(line) - log1p(-line)
        // Chance of fewer failures than these.
        var below = exp(log)
        for k in 0..<max(0, failures - 1) {
            log += odds + Foundation.log(Double(answers - k) / Double(k + 1))
            below += exp(log)
        }
        return 1 - below <= 0.05
    }
}
