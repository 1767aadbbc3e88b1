import Rollout
import Wire

extension Sentences {
    /// How long a rollout still takes, in a few sentences; none of one that is over.
    package static func forecast(_ view: RolloutView) -> [String] {
        guard let forecast = view.forecast else { return [] }
        let now = forecast.at
        var said: [String] = []
        switch forecast.obstacle {
        case .approval: said.append("It waits for its approval, which is no time that anybody knows.")
        case .start: said.append("It waits for somebody to start it.")
        case .person: said.append("It waits for a person, which is no time that anybody knows.")
        case .check: said.append("It waits for the outside check, which is no time that anybody knows.")
        case .withdrawal:
            return ["Its release was withdrawn: nothing more is offered, and it does not end by itself. Stop it."]
        case nil: break
        }
        let isLast = view.stage == view.counts.count && forecast.stage != nil
        let spans = [
            ("stage \(view.stage)", forecast.stage), ("the whole rollout", isLast ? nil : forecast.whole),
        ]
        for (what, span) in spans {
            guard let span else { continue }
            said.append(
                forecast.obstacle == nil
                    ? "\(what.prefix(1).uppercased())\(what.dropFirst()) ends \(when(span, now))."
                    : "If that were now, \(what) would end \(when(span, now)).")
        }
        let others = others(forecast)
        if !others.isEmpty { said.append("Not counted: " + others.joined(separator: "; ") + ".") }
        return said
    }

    private static func others(_ forecast: RolloutForecast) -> [String] {
        var others: [String] = []
        if !forecast.looks.isEmpty {
            let stages = forecast.looks.map { "\($0)" }.joined(separator: ", ")
            others.append("a person looks behind stage \(stages)")
        }
        if forecast.isLookLikely { others.append("too few will have answered, so that a person is asked") }
        if forecast.isChecked { others.append("the outside check is asked before each stage") }
        return others
    }

    private static func when(_ span: RolloutForecast.Span, _ now: Timestamp) -> String {
        func left(_ end: Timestamp) -> String { Self.span(max(0, end.seconds(since: now))) }
        let (soonest, latest) = (left(span.soonest), left(span.latest))
        if soonest == latest { return "in \(soonest)" }
        let bounds = "in \(soonest) at the soonest, in \(latest) at the latest"
        return span.likely.map { "in about \(left($0)) at the present pace (\(bounds))" }
            ?? bounds + "; too few have answered to say more"
    }

    /// The largest whole unit: "45 s", "12 min", "5 h", "80 days", "3 years".
    package static func span(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(max(0, seconds)) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        case ..<63_072_000: "\(seconds / 86_400) days"
        default: "\(seconds / 31_536_000) years"
        }
    }
}
