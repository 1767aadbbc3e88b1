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
