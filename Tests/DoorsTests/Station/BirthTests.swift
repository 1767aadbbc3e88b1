import Foundation
import Station
import Testing
import Trust
import Wire

@Suite struct `A unit at the station` {
    @Test func `leaves with a birth certificate that chains to the root`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open()
        let unit = SimulatedUnit()
        let report = try unit.visit(batch)
        #expect(report.outcome == .born)
        let serial = try #require(unit.serial)
        #expect(serial.hasPrefix("THERMOSTAT-2-") && UnitSerial.isValid(serial))

        let certificate = try #require(unit.certificate)
        let verifier = try ChainVerifier(
            anchors: [workshop.root.certificate],
            intermediates: try CanonicalJSON.decode(Permit.self, from: try workshop.permit().payloadBytes())
                .birthChain.prefix(1).compactMap { Base64.decode($0) })
        // The permit above has another certificate for the same authority: the chain must join all the same.
        let verified = try verifier.verify(leaf: certificate, at: workshop.clock(), purpose: .birth).get()
        #expect(verified.serialNumber == serial)
        #expect(verified.spki == unit.key.publicKeyDER)
        #expect(verified.reference.notAfter == .noExpiry)
        let birth = try #require(batch.births.first)
        #expect(birth.serial == serial && Base64.decode(birth.certificate) == certificate)
    }

    @Test func `may bring its own serial`() throws {
        let batch = try Workshop().open()
        let unit = SimulatedUnit(serial: "AB-12")
        #expect(try unit.visit(batch).serial == "AB-12")
    }

    @Test(arguments: ["", "ab-12", "-A", "A B", "A/../B", "Ä1", String(repeating: "A", count: 33), "A\u{1b}[2J"])
    func `with an unusable serial is refused, and a terminal is not told to obey it`(serial: String) throws {
        let batch = try Workshop().open()
        let report = try SimulatedUnit(serial: serial).visit(batch)
        #expect(report.outcome == .refused)
        #expect(report.refusal?.description.contains("\u{1b}") == false)
        #expect(report.serial?.contains("\u{1b}") != true)
        #expect(batch.births.isEmpty)
    }

    @Test func `of other hardware is sent away`() throws {
        let batch = try Workshop().open()
        let unit = SimulatedUnit(hardware: "kettle-board-a")
        #expect(try unit.visit(batch).refusal?.code == .forbidden)
        #expect(unit.refusal?.rule == "permit hardware")
    }

    @Test func `that asks for another serial than its own is refused`() throws {
        let batch = try Workshop().open()
        #expect(try SimulatedUnit(serial: "A1", manner: .claims("A2")).visit(batch).refusal?.code == .malformed)
        #expect(batch.births.isEmpty)
    }

    @Test func `gets the same certificate again under the same serial and key`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open()
        let lost = SimulatedUnit(serial: "A1", manner: .leavesBefore("born"))
        #expect(try lost.visit(batch).outcome == .refused)
        let back = SimulatedUnit(serial: "A1", key: lost.key)
        #expect(try back.visit(batch).outcome == .resumed)
        #expect(batch.births.count == 1)
        #expect(back.certificate == Base64.decode(batch.births[0].certificate))
    }

    @Test func `cannot take the serial of another, nor have two`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open()
        let first = SimulatedUnit(serial: "A1")
        #expect(try first.visit(batch).outcome == .born)
        #expect(try SimulatedUnit(serial: "A1").visit(batch).refusal?.rule == "one serial, one key")
        #expect(try SimulatedUnit(serial: "A2", key: first.key).visit(batch).refusal?.rule == "one key, one serial")
        #expect(batch.births.count == 1)
        let notes = try workshop.records()
        #expect(notes.contains("one serial, one key") && notes.contains("one key, one serial"))
    }

    @Test func `is known in later batches of the station too`() throws {
        let workshop = try Workshop()
        let unit = SimulatedUnit(serial: "A1")
        do {
            let batch = try workshop.open()
            #expect(try unit.visit(batch).outcome == .born)
        }
        let later = try workshop.open(try workshop.permit(batch: "B-2"))
        #expect(try SimulatedUnit(serial: "A1").visit(later).refusal?.code == .conflict)
        #expect(try SimulatedUnit(serial: "A9", key: unit.key).visit(later).refusal?.code == .conflict)
        #expect(later.births.isEmpty)
    }

    @Test(arguments: ["hardware", "csr"])
    func `that dies before its request costs nothing`(message: String) throws {
        let batch = try Workshop().open()
        #expect(try SimulatedUnit(manner: .leavesBefore(message)).visit(batch).outcome == .refused)
        #expect(batch.births.isEmpty && batch.remaining == 3)
        let again = SimulatedUnit(serial: "A1", manner: .leavesBefore(message))
        #expect(try again.visit(batch).outcome == .refused)
        #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .born)
    }

    @Test func `that stores something else is not counted as done`() throws {
        let batch = try Workshop().open()
        #expect(try SimulatedUnit(manner: .storesGarbage).visit(batch).refusal?.code == .conflict)
    }

    @Test func `may give up in its own words`() throws {
        let batch = try Workshop().open()
        let report = try SimulatedUnit(manner: .gives(up: "no \u{1b}[31mentropy")).visit(batch)
        #expect(report.refusal?.detail.contains("entropy") == true)
        #expect(report.refusal?.detail.contains("\u{1b}") == false)
    }
}

@Suite struct `A disturbed line` {
    private func refusal(_ bytes: [UInt8], answerSeconds: Double = 5) throws -> Refusal? {
        let batch = try Workshop().open()
        let report = try SimulatedUnit(manner: .says(bytes)).visit(batch, answerSeconds: answerSeconds)
        #expect(report.outcome == .refused && batch.births.isEmpty)
        // The station is still there for the next unit.
        #expect(try SimulatedUnit().visit(batch, number: 2).outcome == .born)
        return report.refusal
    }

    @Test(arguments: ["hello\n", "{\n", "{}\n", "[]\n", "null\n", "{\"csr\":{}}\n", "\n", "\u{0}\u{0}\n"])
    func `with nonsense on it is refused`(text: String) throws {
        #expect(try refusal(Array(text.utf8))?.code == .malformed)
    }

    @Test func `with bytes that are no UTF-8 is refused`() throws {
        #expect(try refusal([0xff, 0xfe, 10])?.code == .malformed)
    }

    @Test func `with a message out of its turn is refused`() throws {
        let early = try CanonicalJSON.encode(LineMessage.csr("AAAA")) + [10]
        #expect(try refusal(early)?.detail.contains("hardware") == true)
    }

    @Test func `with a line without end is refused at 64 KiB`() throws {
        #expect(try refusal([UInt8](repeating: 65, count: 1 << 20))?.code == .tooLarge)
        #expect(try refusal([UInt8](repeating: 65, count: LineMessage.maximumLineBytes) + [10])?.code == .tooLarge)
    }

    @Test func `that is silent is given up in time`() throws {
        let batch = try Workshop().open()
        let report = try SimulatedUnit(manner: .silent).visit(batch, answerSeconds: 0.3)
        #expect(report.refusal?.code == .unavailable)
        #expect(report.refusal?.hint.contains("--answer-seconds") == true)
    }
}

@Suite struct `A station that dies` {
    private struct PowerCut: Error {}

    @Test(arguments: Breakpoints.Step.allCases)
    func `goes on with the same unit and gives it one birth`(step: Breakpoints.Step) throws {
        let workshop = try Workshop()
        let permit = try workshop.permit(quantity: 1)
        let unit = SimulatedUnit(serial: "A1")
        do {
            let batch = try workshop.open(permit, breakpoints: Breakpoints { if $0 == step { throw PowerCut() } })
            #expect(throws: BirthFailure.self) { try unit.visit(batch) }
            #expect(unit.certificate == nil)
        }
        let batch = try workshop.open(permit)
        #expect(batch.births.count == (step == .birthStored ? 1 : 0))
        let report = try unit.visit(batch)
        #expect(report.outcome == (step == .birthStored ? .resumed : .born))
        #expect(batch.births.count == 1 && batch.remaining == 0)
        #expect(unit.certificate == Base64.decode(batch.births[0].certificate))
        // The label that is on the disk is the one whose hash was kept.
        let label = try workshop.home.label("A1").label
        #expect(PairingSecret.verify(try #require(label.secret), against: try #require(batch.births[0].secretHash)))
    }

    @Test func `cuts off a line that was half written`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        do {
            let batch = try workshop.open(permit)
            #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .born)
        }
        let file = workshop.home.folder(of: try BatchID("B-1")).births
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        try (whole + whole.prefix(whole.count / 2)).write(to: URL(fileURLWithPath: file))
        let batch = try workshop.open(permit)
        #expect(batch.births.map(\.serial) == ["A1"])
        #expect(try SimulatedUnit(serial: "A2").visit(batch).outcome == .born)
        #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 2)
    }

    @Test func `does not go on with records that somebody changed`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        do { _ = try workshop.open(permit) }
        let file = workshop.home.folder(of: try BatchID("B-1")).births
        try "{\"serial\":\"A1\"}\n".write(toFile: file, atomically: false, encoding: .utf8)
        #expect(throws: Refusal.self) { try workshop.open(permit) }
    }

    @Test func `removes labels of units that were never born`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        do {
            let batch = try workshop.open(permit, breakpoints: Breakpoints { if $0 == .signed { throw PowerCut() } })
            #expect(throws: BirthFailure.self) { try SimulatedUnit(serial: "A1").visit(batch) }
        }
        let file = workshop.home.folder(of: try BatchID("B-1")).label("A1")
        #expect(FileManager.default.fileExists(atPath: file))
        _ = try workshop.open(permit)
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}

@Suite struct `The permit's quantity` {
    @Test func `holds across restarts`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit(quantity: 2)
        let first = SimulatedUnit()
        for unit in [first, SimulatedUnit()] {
            let batch = try workshop.open(permit)
            #expect(try unit.visit(batch).outcome == .born)
        }
        let batch = try workshop.open(permit)
        #expect(batch.remaining == 0)
        let late = SimulatedUnit()
        #expect(throws: BirthFailure.self) { try late.visit(batch) }
        #expect(late.refusal?.rule == "permit quantity" && late.refusal?.code == .gone)
        // Those who were born before still get their certificate.
        #expect(try first.visit(batch).outcome == .resumed)
        #expect(batch.births.count == 2)
    }

    @Test func `holds when many units come at once`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(quantity: 3), options: .init(labelSecrets: false))
        let born = Locked(0)
        let group = DispatchGroup()
        for number in 1...8 {
            group.enter()
            Thread {
                if let report = try? SimulatedUnit().visit(batch, number: number), report.outcome == .born {
                    born.withLock { $0 += 1 }
                }
                group.leave()
            }.start()
        }
        group.wait()
        #expect(born.withLock { $0 } == batch.births.count)
        #expect(batch.births.count <= 3)
        #expect(Set(batch.births.map(\.serial)).count == batch.births.count)
    }
}
