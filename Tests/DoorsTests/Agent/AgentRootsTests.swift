import Agent
import Foundation
import Testing
import Trust
import Wire

@Suite struct `A device that trusts an old root` {
    private func successor(of old: Authority, seconds: Int64 = -60) throws -> Authority {
        let key = EphemeralKey()
        let intent = try Profile.root(
            succeeding: old, key: key, serial: AgentBench.serial(), notBefore: AgentBench.now.adding(seconds: seconds),
            notAfter: AgentBench.now.adding(days: 3650))
        return try Authority(root: IssuanceToken(stored: intent), key: key)
    }

    private func link(_ root: Authority, under issuer: Authority) throws -> [UInt8] {
        try issuer.sign(
            IssuanceToken(stored: Profile.link(of: root.certificate, under: issuer, serial: AgentBench.serial())))
    }

    private func anchors(_ life: Life) throws -> [[UInt8]] {
        try #require(try life.disk.read(ServiceAnchor.self, from: life.home.service)).anchors
            .compactMap { Base64.decode($0) }
    }

    /// Lets the device ask /cacerts once more, by a new enrolment.
    private func enrolAgain(_ life: Life, _ authorities: [[UInt8]]) async throws {
        try life.disk.erase(life.home.current)
        life.minded.change {
            $0.authorities = authorities
            $0.state = .notEnrolled
        }
        try await life.once()
    }

    @Test func `learns the new one by its link, keeps it, and drops the old one when it is gone`() async throws {
        try await Life.lead { life in
            let old = life.bench.serviceRoot
            let new = try successor(of: old)
            let newest = try successor(of: new, seconds: -10)
            try await enrolAgain(
                life, [new.certificate, try link(new, under: old), try link(old, under: new)])
            #expect(try anchors(life) == [old.certificate, new.certificate])
            // Two steps at once, and out of order.
            try await enrolAgain(
                life, [newest.certificate, try link(newest, under: new), new.certificate, try link(new, under: old)])
            #expect(try anchors(life) == [old.certificate, new.certificate, newest.certificate])
            // The one in the middle is not given any more; the old one still is.
            try await enrolAgain(life, [newest.certificate, try link(newest, under: new)])
            #expect(try anchors(life) == [old.certificate, newest.certificate])
            // An old one that comes alone pushes nobody out.
            try await enrolAgain(life, [])
            #expect(try anchors(life) == [old.certificate, newest.certificate])
        }
    }

    private func fetches(_ life: Life) -> Int { life.minded.look { $0.requests.count { $0.hasSuffix("/cacerts") } } }

    @Test func `learns the new one between two enrolments, as soon as the service names it`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            let old = life.bench.serviceRoot
            let new = try successor(of: old)
            let before = fetches(life)
            life.minded.change { $0.roots = RootSet.name(of: [old.certificate]) }
            try await life.once()
            #expect(fetches(life) == before)
            let links = [try link(new, under: old), try link(old, under: new)]
            life.minded.change {
                $0.authorities = [new.certificate] + links
                $0.roots = RootSet.name(of: [new.certificate, old.certificate])
            }
            for _ in 0..<2 { try await life.once() }
            #expect(fetches(life) == before + 1)
            #expect(try anchors(life) == [old.certificate, new.certificate])
            #expect(life.minded.look { $0.enrolments.count } == 1)
        }
    }

    @Test func `takes no forged one that the service names, says so once, and lives on`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            let old = life.bench.serviceRoot
            let stranger = try AgentBench.root("Service Root")
            let imposter = try successor(of: stranger)
            let forged = [imposter.certificate, try link(imposter, under: stranger)]
            let before = fetches(life)
            life.minded.change {
                $0.authorities = forged
                $0.roots = RootSet.name(of: [imposter.certificate])
            }
            let agent = try life.agent()
            for _ in 0..<3 { _ = await agent.round() }
            #expect(fetches(life) == before + 1)
            #expect(try anchors(life) == [old.certificate])
            #expect(life.minded.look { $0.log.count { $0.kind == "refused" } } == 1)
            // The next set is asked for: first it cannot be read, then it is a true one.
            let new = try successor(of: old)
            let good = try link(new, under: old)
            life.minded.change {
                $0.authorities = [Array(repeating: 0, count: 8)]
                $0.roots = RootSet.name(of: [new.certificate, old.certificate])
            }
            _ = await agent.round()
            #expect(try anchors(life) == [old.certificate])
            try await life.once()
            life.minded.change { $0.authorities = [new.certificate, good] }
            try await life.once()
            #expect(try anchors(life) == [old.certificate, new.certificate])
        }
    }

    @Test func `names a set alike in whatever order it comes, and every other set otherwise`() throws {
        let (one, two) = ([UInt8](repeating: 1, count: 9), [UInt8](repeating: 2, count: 9))
        #expect(RootSet.name(of: [one, two]) == RootSet.name(of: [two, one]))
        let names = [[], [one], [two], [one, two], [one + two]].map { RootSet.name(of: $0) }
        #expect(Set(names).count == names.count && names.allSatisfy { $0.utf8.count == 32 })
    }

    @Test func `learns none whose link is missing, forged, of another key or cut off`() async throws {
        try await Life.lead { life in
            let old = life.bench.serviceRoot
            let (new, stranger) = (try successor(of: old), try AgentBench.root("Service Root"))
            let imposter = try successor(of: stranger)
            let good = try link(new, under: old)
            let offers: [[[UInt8]]] = [
                [new.certificate],
                [imposter.certificate, try link(imposter, under: stranger), stranger.certificate],
                // A true link, and another root beside it.
                [imposter.certificate, good],
                [new.certificate, try link(old, under: new)],
                [new.certificate, good.dropLast(4) + [0, 0, 0, 0]],
            ]
            for (index, offer) in offers.enumerated() {
                try await enrolAgain(life, offer)
                #expect(try anchors(life) == [old.certificate], "\(index)")
            }
            try await enrolAgain(life, [new.certificate, good])
            #expect(try anchors(life) == [old.certificate, new.certificate])
        }
    }
}
