import Crypto
import Trust
import Wire

/// What became of one unit, for a person and as a line of JSON.
package struct UnitReport: Codable, Sendable, Equatable {
    package enum Outcome: String, Codable, Sendable { case born, resumed, refused }
    /// The unit's number in the run, from 1.
    package var unit: Int
    package var outcome: Outcome
    package var serial: String?
    package var refusal: Refusal?
}

/// The conversation with one unit: identify, hardware, request, csr, birth, born.
package struct ServeUnit {
    let batch: Batch
    let number: Int

    package init(_ batch: Batch, number: Int) {
        self.batch = batch
        self.number = number
    }

    /// Never throws for what a unit does; throws `BirthFailure.batch` if no further unit can be served.
    package func perform(on line: UnitLine) throws(BirthFailure) -> UnitReport {
        var report = UnitReport(unit: number, outcome: .refused)
        defer { line.close() }
        do throws(BirthFailure) {
            try converse(on: line, &report)
            return report
        } catch {
            report.refusal = error.refusal
            // The unit may be gone already; the refusal stands in the notes anyway.
            do throws(Refusal) { try line.send(.error(error.refusal)) } catch {}
            try batch.note(serial: report.serial, error.refusal)
            if case .batch = error { throw error }
            return report
        }
    }

    private func converse(on line: UnitLine, _ report: inout UnitReport) throws(BirthFailure) {
        // 1. Who are you?
        try send(.identify(station: batch.station), on: line)
        guard case .hardware(let hardware, let carried) = try receive(on: line) else {
            throw Self.outOfTurn("hardware")
        }
        report.serial = carried.map(Printable.text)
        let serial = try batch.claimSerial(hardware: hardware, carried: carried)
        defer { batch.release(serial) }
        report.serial = serial

        // 2. Make a key, and ask for this serial.
        try send(.request(serial: serial, product: batch.permit.permit.product), on: line)
        guard case .csr(let text) = try receive(on: line) else { throw Self.outOfTurn("csr") }
        guard let csr = Base64.decode(text) else {
            throw .unit(
                Refusal(
                    .malformed, "The unit's request is not base64.", hint: "Send PKCS#10 as base64 of its DER.",
                    rule: "docs/station.md"))
        }
        let born = try batch.bear(serial, request: csr)

        // 3. Here you are. From now on only the unit can fail, and it can come back for the same certificate.
        let chain = batch.permit.chain.map { Base64.encode($0) }
        try send(
            .birth(certificate: born.birth.certificate, chain: chain, service: batch.permit.permit.service), on: line)
        guard case .born(let digest) = try receive(on: line) else { throw Self.outOfTurn("born") }
        guard digest.bytes == Array(SHA256.hash(data: born.certificate)) else {
            throw .unit(
                Refusal(
                    .conflict, "The unit stored something else than its birth certificate.",
                    hint: "Check the unit's flash and connect it again; it gets the same certificate."))
        }
        report.outcome = born.isResumed ? .resumed : .born
    }

    private func send(_ message: LineMessage, on line: UnitLine) throws(BirthFailure) {
        try BirthFailure.unit { try line.send(message) }
    }

    private func receive(on line: UnitLine) throws(BirthFailure) -> LineMessage {
        let message = try BirthFailure.unit { try line.receive() }
        if case .error(let refusal) = message {
            throw .unit(
                Refusal(
                    .unavailable, "The unit gave up: \(Printable.text(refusal.detail))",
                    hint: "Look at the unit's own log, and connect it again."))
        }
        return message
    }

    private static func outOfTurn(_ expected: String) -> BirthFailure {
        .unit(
            Refusal(
                .malformed, "The unit sent another message where \"\(expected)\" was its turn.",
                hint: "Check that the unit runs the provisioning program for this station.", rule: "docs/station.md"))
    }
}
