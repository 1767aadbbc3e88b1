import Agent
import Crypto
import Foundation
import Rollout
import Testing
import Wire

@Suite struct `The hours of an update` {
    /// 02:30 to 03:30, in Berlin.
    private let night = UpdateHours(windows: [MaintenanceWindow(from: 150, to: 210)], zone: "Europe/Berlin")
    private func at(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    @Test func `are the device's own`() throws {
        #expect(try night.opening(at: at("2026-01-10T01:45:00Z")) == nil)
        #expect(try night.opening(at: at("2026-01-10T02:45:00Z")) == at("2026-01-11T01:30:00Z"))
        // The same hour of the wall clock in summer.
        #expect(try night.opening(at: at("2026-07-10T00:45:00Z")) == nil)
        #expect(try night.opening(at: at("2026-07-10T01:45:00Z")) == at("2026-07-11T00:30:00Z"))
    }

    /// On 29 March 2026 the clocks in Berlin go from 02:00 to 03:00 (01:00 UTC), and on 25 October back.
    @Test func `open on the days on which the clocks change`() throws {
        #expect(try night.opening(at: at("2026-03-29T00:59:00Z")) != nil)
        #expect(try night.opening(at: at("2026-03-29T01:10:00Z")) == nil, "03:10, which is in the window")
        #expect(try night.opening(at: at("2026-03-29T01:31:00Z")) != nil)
        #expect(try night.opening(at: at("2026-10-25T00:45:00Z")) == nil, "02:45 for the first time")
        #expect(try night.opening(at: at("2026-10-25T01:45:00Z")) == nil, "02:45 for the second time")
        #expect(try night.opening(at: at("2026-10-25T02:31:00Z")) != nil)
        // What is said is a moment at which it is open, and not long away; where 02:30 is left out, that of the day after.
        for start in [try at("2026-03-28T00:00:00Z"), try at("2026-10-24T00:00:00Z")] {
            for minutes in stride(from: Int64(0), to: 3 * 1440, by: 17) {
                let now = start.adding(seconds: minutes * 60)
                guard let opening = night.opening(at: now) else { continue }
                #expect(opening > now && opening.seconds(since: now) <= 49 * 3600, "\(now)")
                #expect(night.opening(at: opening) == nil, "\(now) \(opening)")
            }
        }
    }

    @Test func `have to suit everybody`() throws {
        let both = UpdateHours(
            windows: [MaintenanceWindow(from: 60, to: 300), MaintenanceWindow(from: 180, to: 600)], zone: "UTC")
        #expect(try both.opening(at: at("2026-01-10T02:00:00Z")) == at("2026-01-10T03:00:00Z"))
        #expect(try both.opening(at: at("2026-01-10T04:00:00Z")) == nil)
        #expect(try both.opening(at: at("2026-01-10T06:00:00Z")) != nil)
        #expect(try UpdateHours(windows: [], zone: nil).opening(at: at("2026-01-10T04:00:00Z")) == nil)
    }

    @Test(arguments: [
        "", "{}", "[]", "{\"maintenanceWindow\":7}", "{\"maintenanceWindow\":{\"from\":1,\"to\":1,\"zone\":\"UTC\"}}",
        "{\"maintenanceWindow\":{\"from\":1,\"to\":9,\"zone\":\"Nowhere\"}}",
    ])
    func `are not what a configuration says that means nothing`(_ document: String) {
        #expect(UpdateHours.policy(in: Array(document.utf8)) == nil)
    }

    @Test func `are what a configuration says`() {
        let document = "{\"note\":1,\"maintenanceWindow\":{\"from\":60,\"to\":120,\"zone\":\"UTC\"}}"
        #expect(UpdateHours.policy(in: Array(document.utf8)) == MaintenanceWindow(from: 60, to: 120))
    }

    /// One minute a day, at the other end of it.
    private var shut: MaintenanceWindow {
        let minute = Int(AgentBench.now.seconds % 86_400 / 60)
        return MaintenanceWindow(from: (minute + 720) % 1440, to: (minute + 721) % 1440)
    }

    @Test func `keep a release that is here from being installed`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("release one".utf8))
            var settings = AgentSettings()
            settings.window = shut
            settings.timeZone = "UTC"
            for _ in 0..<2 { try await life.once(settings) }
            #expect(try life.running() == 0)
            #expect(life.receipts.isEmpty)
            #expect(life.minded.look { $0.requests.count { $0.contains("artifacts") } } == 1)
            #expect(life.minded.look { $0.reports.last?.posture["timeZone"] } == "UTC")
            settings.window = nil
            try await life.once(settings)
            #expect(try life.running() == 1)
            #expect(life.receipts == [.updated])
        }
    }

    @Test func `may come with the configuration`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            let window = String(decoding: try CanonicalJSON.encode(shut), as: UTF8.self)
            life.minded.change {
                $0.configuration = .init(version: 1, document: "{\"maintenanceWindow\":\(window)}")
            }
            try life.offer(Array("release one".utf8))
            try await life.once()
            #expect(try life.running() == 0)
            life.minded.change { $0.configuration = .init(version: 2, document: "{}") }
            try await life.once()
            #expect(try life.running() == 1)
        }
    }
}
