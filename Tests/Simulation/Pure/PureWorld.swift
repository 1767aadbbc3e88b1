import Passport
import Wire

/// The pure level: the real stage machine and rights table under a model of everything else. Devices, people and nodes; a
/// network that loses, doubles and reorders; clocks that drift and jump; nodes that crash between commit and answer; a
/// journal with its compare-and-set on size and versions. Nothing but the seed decides.
package final class PureWorld {
    package struct Options: Sendable {
        package var devices = 48
        package var nodes = 3
        package var broken: BrokenRule?
        package init(broken: BrokenRule? = nil) { self.broken = broken }
    }

    package let seed: UInt64
    let options: Options
    var random: SeededRandom
    package private(set) var report = RunReport()
    /// The true time, in milliseconds; nobody in the model can read it.
    var now: Int64 = 1_767_225_600_000
    var rows: [PureRow] = []
    var nodes: [PureNode]
    var messages: [PureMessage] = []
    var size = 0
    var lastAt: Int64 = 0
    /// Attempts by number: 1 persisted, 2 persisted again, 4 answered "done", 8 answered "refused".
    var fates: [UInt8] = []
    private var made = 0
    private var recent: [String] = []
    /// Whether what happens is kept in words, for a violation; costs time, so the run that found one is run again with it.
    private let tells: Bool

    static let messageLimit = 200

    package init(seed: UInt64, options: Options = Options(), tells: Bool = false) {
        self.seed = seed
        self.options = options
        self.tells = tells
        random = SeededRandom(seed: seed)
        nodes = Array(repeating: PureNode(), count: options.nodes)
        for _ in 0..<options.devices { rows.append(freshRow()) }
    }

    /// Runs a number of steps; a violation is found again with the story told, because a seed replays exactly.
    package static func run(seed: UInt64, steps: Int, options: Options = Options()) throws(Violation) -> RunReport {
        do {
            let world = PureWorld(seed: seed, options: options)
            for _ in 0..<steps { try world.step() }
            return try world.finish()
        } catch {
            let again = PureWorld(seed: seed, options: options, tells: true)
            for _ in 0..<steps { try again.step() }
            return try again.finish()
        }
    }

    package func step() throws(Violation) {
        report.steps += 1
        now += Int64(random.below(400))
        switch random.below(100) {
        case 0..<34: send()
        case 34..<62: try deliver()
        case 62..<80:
            let node = random.below(nodes.count)
            if nodes[node].prepared == nil { try prepare(node) } else { try commit(node) }
        case 80..<97: try commit(random.below(nodes.count))
        case 97: tick()
        case 98: replaceTheDead()
        default: if random.oneIn(5) { crash(random.below(nodes.count)) }
        }
    }

    /// Everything that can only be judged at the end, and the replay of every life.
    package func finish() throws(Violation) -> RunReport {
        for number in fates.indices { try judge(number) }
        for row in rows { try replay(row) }
        return report
    }

    // MARK: - The world around

    private func freshRow() -> PureRow {
        made += 1
        report.devices += 1
        return PureRow(id: DeviceID(trusted: "device-\(made)"))
    }

    /// A device whose life is over and told makes room for a new one, after its life was replayed.
    private func replaceTheDead() {
        let slot = random.below(rows.count)
        guard rows[slot].passport?.stage == .retired, rows[slot].passport?.wipeOwed == false else { return }
        guard !nodes.contains(where: { $0.prepared?.rows[slot] != nil }) else { return }
        buried.append(rows[slot])
        rows[slot] = freshRow()
    }
    private var buried: [PureRow] = []

    /// Clocks drift all the time and are set now and then, sometimes by an hour, sometimes back.
    private func tick() {
        let node = random.below(nodes.count)
        nodes[node].skew += nodes[node].drift
        switch random.below(12) {
        case 0: nodes[node].skew = 0
        case 1, 2, 3: nodes[node].skew = Int64(random.below(400_000)) - 200_000
        case 4: if random.oneIn(30) { nodes[node].skew = Int64(random.below(7_200_000)) - 3_600_000 }
        case 5: nodes[node].drift = Int64(random.below(2000)) - 1000
        default: break
        }
    }

    /// The node's memory is gone: what waited, what was ready, and every answer that had not left.
    func crash(_ node: Int) {
        tell { "node \(node) crashes" }
        report.crashes += 1
        report.unknown += nodes[node].waiting.count + (nodes[node].prepared?.group.count ?? 0)
        nodes[node] = PureNode()
    }

    private func deliver() throws(Violation) {
        for row in buried { try replay(row) }
        buried.removeAll(keepingCapacity: true)
        guard !messages.isEmpty else { return }
        let index = random.below(messages.count)
        let message = messages[index]
        // Doubled: it stays on its way and comes again. Lost: it goes and does not come.
        if !random.oneIn(30) { messages.swapAt(index, messages.count - 1); messages.removeLast() }
        if random.oneIn(30) { return }
        switch message {
        case .request(let request, let node): try take(request, at: node)
        case .answer(let attempt, let done):
            tell { "attempt \(attempt) is answered: \(done ? "done" : "refused")" }
            fates[attempt] |= done ? 4 : 8
            if done { report.answered += 1 } else { report.refused += 1 }
            try judge(attempt)
        }
    }

    /// The answer that somebody got, against the ledger.
    func judge(_ attempt: Int) throws(Violation) {
        let fate = fates[attempt]
        if fate & 2 != 0 { throw violation(.answeredOnce, "attempt \(attempt) is in the ledger twice") }
        if fate & 5 == 4 { throw violation(.answeredOnce, "attempt \(attempt) was answered and is not in the ledger") }
        if fate & 9 == 9 { throw violation(.refusedLeavesNothing, "attempt \(attempt) was refused and left an event") }
    }

    // MARK: - Telling

    func tell(_ text: () -> String) {
        guard tells else { return }
        recent.append("step \(report.steps): \(text())")
        if recent.count > 40 { recent.removeFirst(recent.count - 24) }
    }

    func violation(_ invariant: Invariant, _ detail: String) -> Violation {
        Violation(
            invariant: invariant, detail: detail, seed: seed, step: report.steps, recent: Array(recent.suffix(24)))
    }

    func counted(_ event: Event, _ slot: Int) {
        report.entries += 1
        report.note(slot &* 64 &+ event.number)
    }

    func isUnknown(_ count: Int) { report.unknown += count }

    /// A life read again from its events gives the passport that is there.
    private func replay(_ row: PureRow) throws(Violation) {
        var passport: Passport?
        for (event, at) in row.history {
            do throws(Refusal) {
                passport = try Passport.advance(passport, device: row.id, by: event, at: at)
            } catch { throw violation(.replay, "\(row.id): the replay refuses \(event.kind): \(error.detail)") }
        }
        if passport != row.passport { throw violation(.replay, "\(row.id): its events give another passport") }
    }
}

extension Event {
    /// A number for its kind, for the trace; cheaper than its name.
    var number: Int {
        switch self {
        case .born: 1
        case .shipped: 2
        case .paired: 3
        case .enrolled: 4
        case .renewed: 5
        case .certificateRevoked: 6
        case .configured: 7
        case .configurationApplied: 8
        case .updateOffered: 9
        case .updated: 10
        case .updateFailed: 11
        case .quarantined: 12
        case .restored: 13
        case .offered: 14
        case .offerWithdrawn: 15
        case .accepted: 16
        case .tenureEnded: 17
        case .wiped: 18
        case .retired: 19
        case .logTaken: 20
        case .alarmRaised: 21
        default: 22
        }
    }
}
