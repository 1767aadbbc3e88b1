import Wire

extension Entry {
    /// Canonical JSON; the same bytes as `CanonicalJSON.encode`, without its cost.
    package func json() throws -> [UInt8] {
        var writer = PlainJSONWriter()
        writer.raw("{\"at\":")
        writer.text(at)
        writer.raw(",\"by\":{")
        if let person = by.person {
            writer.raw("\"person\":")
            writer.text(person.text)
            writer.raw(",")
        }
        writer.raw("\"role\":")
        writer.text(by.role)
        writer.raw("},")
        if let device {
            writer.raw("\"device\":")
            writer.text(device.text)
            writer.raw(",")
        }
        writer.raw("\"event\":{")
        guard event.write(to: &writer) else { return try CanonicalJSON.encode(self) }
        writer.raw("},\"v\":")
        writer.number(v)
        writer.raw("}")
        return writer.isOver ? try CanonicalJSON.encode(self) : writer.bytes
    }
}

extension Event {
    /// Of a device's life, `"kind":{…}`; false for the house's events, which are few, and nothing is to be made of what was
    /// written then.
    fileprivate func write(to writer: inout PlainJSONWriter) -> Bool {
        switch self {
        case .born(let product, let batch, let certificate):
            writer.raw("\"born\":{\"batch\":")
            writer.text(batch.text)
            writer.raw(",\"birthCertificate\":")
            certificate.write(to: &writer)
            writer.raw(",\"product\":")
            writer.text(product.text)
        case .shipped: writer.raw("\"shipped\":{")
        case .paired(let tenure, let grade, let owner):
            writer.raw("\"paired\":{\"grade\":")
            writer.text(grade.rawValue)
            writer.raw(",\"owner\":")
            writer.text(owner)
            writer.raw(",\"tenure\":")
            writer.text(tenure.text)
        case .enrolled(let tenure, let certificate):
            writer.raw("\"enrolled\":{\"certificate\":")
            certificate.write(to: &writer)
            writer.raw(",\"tenure\":")
            writer.text(tenure.text)
        case .renewed(let tenure, let certificate, let replaced):
            writer.raw("\"renewed\":{\"certificate\":")
            certificate.write(to: &writer)
            writer.raw(",\"replaces\":")
            writer.text(replaced)
            writer.raw(",\"tenure\":")
            writer.text(tenure.text)
        case .certificateRevoked(let serial, let reason):
            writer.raw("\"certificateRevoked\":{\"reason\":")
            writer.text(reason.rawValue)
            writer.raw(",\"serial\":")
            writer.text(serial)
        case .alarmRaised(let alarm):
            writer.raw("\"alarmRaised\":{\"alarm\":")
            writer.text(alarm.rawValue)
        case .logTaken(let from, let to, let head):
            writer.raw("\"logTaken\":{\"from\":")
            writer.number(from)
            writer.raw(",\"head\":")
            writer.text(head)
            writer.raw(",\"to\":")
            writer.number(to)
        case .quarantined(let reason):
            writer.raw("\"quarantined\":{\"reason\":")
            writer.text(reason)
        case .restored: writer.raw("\"restored\":{")
        case .offered: writer.raw("\"offered\":{")
        case .offerWithdrawn: writer.raw("\"offerWithdrawn\":{")
        case .accepted: writer.raw("\"accepted\":{")
        case .tenureEnded(let tenure):
            writer.raw("\"tenureEnded\":{\"tenure\":")
            writer.text(tenure.text)
        case .wiped(let receipt):
            writer.raw("\"wiped\":{\"receipt\":")
            writer.text(receipt)
        case .retired(let how):
            writer.raw("\"retired\":{\"how\":")
            writer.text(how.rawValue)
        case .enrolmentCodeIssued: writer.raw("\"enrolmentCodeIssued\":{")
        case .deviceTokenIssued: writer.raw("\"deviceTokenIssued\":{")
        case .pairingUnlocked: writer.raw("\"pairingUnlocked\":{")
        default: return writeUse(to: &writer)
        }
        writer.raw("}")
        return true
    }

    /// What comes of configurations and updates.
    private func writeUse(to writer: inout PlainJSONWriter) -> Bool {
        switch self {
        case .deviceKeyAccepted(let key):
            writer.raw("\"deviceKeyAccepted\":{\"key\":")
            writer.text(key)
        case .configured(let version, let document):
            writer.raw("\"configured\":{\"document\":")
            writer.text(document)
            writer.raw(",\"version\":")
            writer.number(version)
        case .configurationApplied(let version, let receipt):
            writer.raw("\"configurationApplied\":{\"receipt\":")
            writer.text(receipt)
            writer.raw(",\"version\":")
            writer.number(version)
        case .updateOffered(let release, let sequence):
            writer.raw("\"updateOffered\":{\"release\":")
            writer.text(release)
            writer.raw(",\"sequence\":")
            writer.number(sequence)
        case .updated(let release, let sequence, let receipt):
            writer.raw("\"updated\":{\"receipt\":")
            writer.text(receipt)
            writer.raw(",\"release\":")
            writer.text(release)
            writer.raw(",\"sequence\":")
            writer.number(sequence)
        case .updateFailed(let release, let sequence, let reason, let receipt):
            writer.raw("\"updateFailed\":{\"reason\":")
            writer.text(reason)
            writer.raw(",\"receipt\":")
            writer.text(receipt)
            writer.raw(",\"release\":")
            writer.text(release)
            writer.raw(",\"sequence\":")
            writer.number(sequence)
        case .updateWithdrawn(let release, let sequence):
            writer.raw("\"updateWithdrawn\":{\"release\":")
            writer.text(release)
            writer.raw(",\"sequence\":")
            writer.number(sequence)
        case .updateObserved(let release, let sequence, let outcome):
            writer.raw("\"updateObserved\":{\"outcome\":")
            writer.text(outcome.rawValue)
            writer.raw(",\"release\":")
            writer.text(release)
            writer.raw(",\"sequence\":")
            writer.number(sequence)
        default: return false
        }
        writer.raw("}")
        return true
    }
}
