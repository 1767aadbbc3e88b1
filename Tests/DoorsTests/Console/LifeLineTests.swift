import Foundation
import Passport
import Registry
import Testing
import Wire

@testable import Server

@Suite struct `A life line` {
    private static let born = Timestamp(year: 2026, month: 1, day: 1)

    /// Entries as the API gives them, because only the registry makes them.
    private func entries(_ events: [(kind: String, after: Int64)]) throws -> [LedgerEntryView] {
        try events.enumerated().map { number, event in
            let json = """
                {"index": \(number), "at": "\(Self.born.adding(seconds: event.after))", "byRole": "system",
                 "kind": "\(event.kind)", "sentence": "It was \(event.kind) <&>.", "isPublished": true}
                """
            return try JSONDecoder().decode(LedgerEntryView.self, from: Data(json.utf8))
        }
    }

    private var wholeLife: [(kind: String, after: Int64)] {
        [
            ("born", 0), ("shipped", 100), ("paired", 200), ("enrolled", 210), ("configured", 300),
            ("quarantined", 400),
            ("restored", 500), ("offered", 600), ("accepted", 650), ("tenureEnded", 650), ("wiped", 700),
            ("paired", 800),
            ("tenureEnded", 900), ("retired", 900), ("wiped", 950),
        ]
    }

    @Test func `has a stretch for each stage that the device went through`() throws {
        let line = LifeLine(try entries(wholeLife), now: Self.born.adding(seconds: 1000))
        let expected: [Stage] = [
            .made, .shipped, .inUse, .quarantined, .inUse, .inTransfer, .claimable, .inUse, .retired,
        ]
        #expect(line.stretches.map(\.stage) == expected)
        #expect(line.stretches.map(\.events.count).reduce(0, +) + line.stretches.count == wholeLife.count)
        #expect(line.stretches.last?.to == Self.born.adding(seconds: 1000))
        for (before, after) in zip(line.stretches, line.stretches.dropFirst()) { #expect(before.to == after.from) }
    }

    @Test func `follows the stage machine`() throws {
        // Every event of the machine that changes the stage must change it here too, and to the same.
        let device = DeviceID(trusted: "d")
        let digest = Digest([UInt8](repeating: 1, count: 32))
        let certificate = CertificateName(serial: "01", sha256: digest, key: digest, notAfter: Self.born)
        let tenure = TenureID(trusted: "t")
        let events: [Event] = [
            .born(product: ProductID(trusted: "p"), batch: BatchID(trusted: "b"), birthCertificate: certificate),
            .shipped,
            .paired(tenure: tenure, grade: .proven, owner: digest), .quarantined(reason: "x"), .restored, .offered,
            .offerWithdrawn, .offered, .accepted, .tenureEnded(tenure: tenure), .wiped(receipt: digest),
            .retired(how: .recycled), .wiped(receipt: digest),
        ]
        var passport: Passport?
        var stage: Stage?
        for event in events {
            passport = try Passport.advance(passport, device: device, by: event, at: Self.born)
            stage = LifeLine.stage(after: event.kind, in: stage) ?? stage
            #expect(stage == passport?.stage, "after \(event.kind)")
        }
    }

    @Test func `fills its width, and every stretch has room for its name`() throws {
        let line = LifeLine(try entries(wholeLife), now: Self.born.adding(days: 4000))
        let widths = LifeLine.widths(line.stretches, total: 1200, least: 104)
        #expect(abs(widths.reduce(0, +) - 1200) < 0.001)
        #expect(widths.allSatisfy { $0 >= 104 })
        #expect(widths.last ?? 0 > widths.first ?? 0)
    }

    @Test func `shows the last stretches of a device that was resold a hundred times`() throws {
        var events: [(kind: String, after: Int64)] = [("born", 0), ("shipped", 1)]
        for round in 0..<100 {
            let start = Int64(round * 10 + 2)
            events += [("paired", start), ("offered", start + 1), ("accepted", start + 2), ("wiped", start + 3)]
        }
        let line = LifeLine(try entries(events), now: Self.born.adding(seconds: 5000))
        #expect(line.stretches.count == LifeLine.limit)
        #expect(line.omitted == 302 - LifeLine.limit)
        let picture = LifeLinePicture(line: line).html.markup
        #expect(!picture.contains("<&>") && picture.utf8.count < 100_000)
    }

    @Test func `is nothing for a device without events`() {
        #expect(LifeLinePicture(line: LifeLine([], now: Self.born)).html == .empty)
    }
}
