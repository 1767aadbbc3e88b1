import NIOCore
import NIOPosix
import Testing
import Wire

@testable import Server

@Suite struct `Admission` {
    @Test func `gives everybody a bucket of its own, and forgets who is quiet`() {
        let fairness = Fairness<Int>(.init(burst: 5, perSecond: 2), limit: 16 * 4)
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(fairness.take(1, at: start) == nil) }
        #expect(fairness.take(1, at: start) == 1)
        #expect(fairness.take(2, at: start) == nil, "Another one pays for the first.")
        #expect(fairness.take(1, at: start + .milliseconds(500)) == nil)
        #expect(fairness.take(1, at: start + .milliseconds(600)) == 1)
        // More keys than there are buckets: they share one a shard, and nobody who has one loses it.
        let answers = (100..<2000).map { fairness.take($0, at: start + .milliseconds(700)) }
        #expect(answers.contains(nil) && answers.contains { $0 != nil })
        // After a while all of them are forgotten, and there is room again.
        #expect((3000..<3004).allSatisfy { fairness.take($0, at: start + .seconds(60)) == nil })
        let free = Fairness<Int>(.init(burst: 1, perSecond: 0))
        #expect((0..<100).allSatisfy { _ in free.take(1) == nil })
    }

    @Test func `serves a fleet that is larger than the buckets it keeps`() {
        // 200,000 devices, each once a minute, with the usual rate and a sixteenth of the usual buckets.
        let fairness = Fairness<Int>(.init(burst: 600, perSecond: 10), limit: 4096)
        let start = ContinuousClock.now
        var refused = 0
        for number in 0..<400_000 {
            let at = start + .microseconds(number * 300)
            if fairness.take(number % 200_000, at: at) != nil { refused += 1 }
        }
        #expect(refused == 0)
    }

    @Test func `holds so many bytes of large answers and no more`() throws {
        let gate = Gate(limit: 1, bytes: 100)
        try gate.hold(60)
        try gate.hold(0)
        #expect(throws: Refusal.self) { try gate.hold(41) }
        try gate.hold(40)
        gate.release(60)
        gate.release(40)
        try gate.hold(100)
    }

    @Test func `refuses what is too much with a time to come back that is not everybody's`() throws {
        let gate = Gate(limit: 3)
        for _ in 0..<3 { try gate.enter() }
        var times: Set<Int> = []
        for _ in 0..<200 {
            do {
                try gate.enter()
                Issue.record("let in")
            } catch {
                #expect(error.code == .unavailable && error.rule == "overload")
                times.insert(error.retryAfterSeconds ?? -1)
            }
        }
        #expect(times.count > 10 && times.allSatisfy { Gate.secondsToComeBack.contains($0) })
        gate.leave()
        try gate.enter()
        #expect(gate.inside == 3 && gate.refused == 200)
    }

    @Test func `keeps nothing of connections that only come and go while others are in their turn`() {
        final class Connection: Sendable {}
        let handshakes = Handshakes(limit: 1)
        let first = handshakes.enter {}
        let begun = Locked(false)
        let stays = handshakes.enter { begun.withLock { $0 = true } }
        var last: Weak<Connection>?
        for _ in 0..<10_000 {
            let connection = Connection()
            last = Weak(connection)
            handshakes.enter { withExtendedLifetime(connection) {} }()
        }
        #expect(handshakes.inLine < 200 && last?.value == nil)
        first()
        #expect(begun.withLock { $0 } && handshakes.underWay == 1)
        stays()
        #expect(handshakes.underWay == 0 && handshakes.inLine < 200)
    }

    @Test func `lets handshakes begin in the order of their coming, so many at once`() {
        let handshakes = Handshakes(limit: 2)
        let begun = Locked<[Int]>([])
        let leaves = (0..<6).map { number in handshakes.enter { begun.withLock { $0.append(number) } } }
        #expect(begun.withLock { $0 } == [0, 1])
        // One that waits goes away: it is passed over, and takes nobody's turn.
        leaves[2]()
        leaves[0]()
        leaves[0]()
        #expect(begun.withLock { $0 } == [0, 1, 3] && handshakes.underWay == 2)
        leaves[1]()
        leaves[3]()
        #expect(begun.withLock { $0 } == [0, 1, 3, 4, 5] && handshakes.underWay == 2)
        leaves[4]()
        leaves[5]()
        #expect(handshakes.underWay == 0)
    }
}

/// What is held by nobody is gone.
private struct Weak<Value: AnyObject> {
    weak var value: Value?
    init(_ value: Value) { self.value = value }
}
