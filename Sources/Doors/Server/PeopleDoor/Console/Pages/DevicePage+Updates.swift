import Passport
import Registry
import Rollout
import Wire

/// What became of releases on the device: which were offered, which run, which it went back from, and in which rollouts.
extension Console {
    func updateHistory(_ history: UpdateHistory, _ session: PeopleSession, now: Timestamp) -> HTML {
        if history.entries.isEmpty, history.rollouts.isEmpty { return .empty }
        let mayProve = Access.allows(.readLedger, session.principal)
        return card("Updates", id: "updates", lead: "Newest first; each line stands in the ledger.") {
            if !history.rollouts.isEmpty { parts(history.rollouts, now: now) }
            tag("ol", .class("life")) {
                for entry in history.entries {
                    tag("li") {
                        lifeEntry(entry, linkedAs: mayProve ? "Update in ledger entry" : nil, now: now)
                    }
                }
            }
        }
    }

    private func parts(_ parts: [UpdateHistory.Part], now: Timestamp) -> HTML {
        Pieces.table("Rollouts of the device", columns: ["Rollout", "Stage", "State", "Since"], numbers: [1]) {
            for part in parts {
                tag("tr") {
                    tag("td") { link(Place("/updates", part.rollout.text), "Release \(part.sequence)") }
                    tag("td", .class("number"), text: "\(part.stage)")
                    tag("td", .class("nowrap")) {
                        tag("span", .class(Self.chipClass(part.state)), text: part.state.rawValue)
                    }
                    tag("td", .class("nowrap")) { Times.brief(part.at, now: now) }
                }
            }
        }
    }

    private static func chipClass(_ state: RolloutMember.State) -> String {
        switch state {
        case .done: "chip good"
        case .failed, .silent: "chip bad"
        case .waiting, .asleep, .offered, .soaking, .left: "chip"
        }
    }
}
