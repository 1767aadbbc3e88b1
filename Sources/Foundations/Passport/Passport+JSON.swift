import Wire

// What a change of a device costs is mostly JSON: its passport read and written, its event written. These do it by hand,
// to the same bytes as the general coder, and leave to it what is out of the ordinary.

extension Passport {
    /// Canonical JSON; the same bytes as `CanonicalJSON.encode`, without its cost.
    package func json() throws -> [UInt8] {
        var writer = PlainJSONWriter()
        write(to: &writer)
        return writer.isOver ? try CanonicalJSON.encode(self) : writer.bytes
    }

    /// Reads canonical JSON, and any other JSON that says the same.
    package init(json: some Collection<UInt8>) throws(Refusal) {
        let plain = json.withContiguousStorageIfAvailable { bytes in
            var reader = PlainJSONReader(UnsafeRawBufferPointer(bytes))
            return Passport(plain: &reader)
        }
        if let plain = plain.flatMap({ $0 }) {
            self = plain
        } else {
            self = try CanonicalJSON.decode(Passport.self, from: json)
        }
    }

    private func write(to writer: inout PlainJSONWriter) {
        writer.raw("{\"batch\":")
        writer.text(batch.text)
        writer.raw(",\"birthCertificate\":")
        birthCertificate.write(to: &writer)
        writer.raw(",\"bornAt\":")
        writer.text(bornAt)
        writer.raw(",\"certificates\":[")
        writer.list(certificates) { $1.write(to: &$0) }
        writer.raw("],\"changedAt\":")
        writer.text(changedAt)
        writer.raw(",\"configurationApplied\":")
        writer.number(configurationApplied)
        writer.raw(",\"configurationVersion\":")
        writer.number(configurationVersion)
        writer.raw(",\"device\":")
        writer.text(device.text)
        writer.update(",\"earlierOffer\":", earlierOffer)
        writer.raw(",\"endedTenures\":[")
        writer.list(endedTenures) { $0.text($1.text) }
        writer.raw("]")
        writer.update(",\"installed\":", installed)
        if let log {
            writer.raw(",\"log\":{\"count\":")
            writer.number(log.count)
            writer.raw(",\"head\":")
            writer.text(log.head)
            writer.raw("}")
        }
        writer.update(",\"offeredUpdate\":", offeredUpdate)
        writer.raw(",\"product\":")
        writer.text(product.text)
        if let retirement {
            writer.raw(",\"retirement\":{\"at\":")
            writer.text(retirement.at)
            writer.raw(",\"how\":")
            writer.text(retirement.how.rawValue)
            writer.raw("}")
        }
        writer.raw(",\"stage\":")
        writer.text(stage.rawValue)
        if let tenure {
            writer.raw(",\"tenure\":{\"grade\":")
            writer.text(tenure.grade.rawValue)
            writer.raw(",\"id\":")
            writer.text(tenure.id.text)
            writer.raw(",\"since\":")
            writer.text(tenure.since)
            writer.raw("}")
        }
        if let transfer {
            writer.raw(",\"transfer\":{")
            if let accepted = transfer.acceptedAt {
                writer.raw("\"acceptedAt\":")
                writer.text(accepted)
                writer.raw(",")
            }
            writer.raw("\"offeredAt\":")
            writer.text(transfer.offeredAt)
            writer.raw("}")
        }
        writer.raw(",\"version\":")
        writer.number(version)
        writer.raw(wipeOwed ? ",\"wipeOwed\":true}" : ",\"wipeOwed\":false}")
    }

    /// From exactly what `write` writes; nil for anything else, whether valid or not. Retired devices, and those that are
    /// handed over, are left to the general coder: they are few and seldom change.
    private init?(plain reader: inout PlainJSONReader) {
        guard reader.take("{\"batch\":"), let batch = reader.id(BatchKind.self),
            reader.take(",\"birthCertificate\":"), let birth = CertificateName(plain: &reader),
            reader.take(",\"bornAt\":"), let bornAt = reader.instant(),
            reader.take(",\"certificates\":["),
            let certificates = reader.list({ CertificateName(plain: &$0) }),
            reader.take(",\"changedAt\":"), let changedAt = reader.instant(),
            reader.take(",\"configurationApplied\":"), let applied = reader.number(),
            reader.take(",\"configurationVersion\":"), let configured = reader.number(),
            reader.take(",\"device\":"), let device = reader.id(DeviceKind.self)
        else { return nil }
        guard let earlier = reader.update(",\"earlierOffer\":"), reader.take(",\"endedTenures\":["),
            let ended = reader.list({ $0.id(TenureKind.self) }), let installed = reader.update(",\"installed\":")
        else { return nil }
        var log: DeviceLog?
        var tenure: Tenure?
        if reader.take(",\"log\":{\"count\":") {
            guard let count = reader.number(), reader.take(",\"head\":"), let head = reader.digest(), reader.take("}")
            else { return nil }
            log = DeviceLog(count: count, head: head)
        }
        guard let offered = reader.update(",\"offeredUpdate\":"), reader.take(",\"product\":"),
            let product = reader.id(ProductKind.self),
            reader.take(",\"stage\":"), let stage = reader.text().flatMap(Stage.init(rawValue:))
        else { return nil }
        if reader.take(",\"tenure\":{\"grade\":") {
            guard let grade = reader.text().flatMap(Grade.init(rawValue:)),
                reader.take(",\"id\":"), let id = reader.id(TenureKind.self),
                reader.take(",\"since\":"), let since = reader.instant(), reader.take("}")
            else { return nil }
            tenure = Tenure(id: id, grade: grade, since: since)
        }
        guard reader.take(",\"version\":"), let version = reader.number() else { return nil }
        let owesWipe = reader.take(",\"wipeOwed\":true}")
        guard owesWipe || reader.take(",\"wipeOwed\":false}"), reader.isAtEnd else { return nil }
        self.init(born: device, product: product, batch: batch, birthCertificate: birth, at: bornAt)
        self.stage = stage
        self.version = version
        self.tenure = tenure
        endedTenures = ended
        self.certificates = certificates
        wipeOwed = owesWipe
        configurationVersion = configured
        configurationApplied = applied
        offeredUpdate = offered
        earlierOffer = earlier
        self.installed = installed
        self.log = log
        self.changedAt = changedAt
    }
}

extension Passport.Update {
    fileprivate func write(to writer: inout PlainJSONWriter) {
        writer.raw("{")
        if let observed { writer.raw(observed ? "\"observed\":true," : "\"observed\":false,") }
        writer.raw("\"release\":")
        writer.text(release)
        if let remedy { writer.raw(remedy ? ",\"remedy\":true" : ",\"remedy\":false") }
        writer.raw(",\"sequence\":")
        writer.number(sequence)
        writer.raw("}")
    }

    fileprivate init?(plain reader: inout PlainJSONReader) {
        guard reader.take("{") else { return nil }
        let isObserved = reader.take("\"observed\":true,")
        guard reader.take("\"release\":"), let release = reader.digest() else { return nil }
        let isRemedy = reader.take(",\"remedy\":true")
        guard reader.take(",\"sequence\":"), let sequence = reader.number(), reader.take("}") else { return nil }
        self.init(
            release: release, sequence: sequence, remedy: isRemedy ? true : nil, observed: isObserved ? true : nil)
    }
}

extension CertificateName {
    func write(to writer: inout PlainJSONWriter) {
        writer.raw("{\"key\":")
        writer.text(key)
        writer.raw(",\"notAfter\":")
        writer.text(notAfter)
        writer.raw(",\"serial\":")
        writer.text(serial)
        writer.raw(",\"sha256\":")
        writer.text(sha256)
        writer.raw("}")
    }

    fileprivate init?(plain reader: inout PlainJSONReader) {
        guard reader.take("{\"key\":"), let key = reader.digest(),
            reader.take(",\"notAfter\":"), let notAfter = reader.instant(),
            reader.take(",\"serial\":"), let serial = reader.text(),
            reader.take(",\"sha256\":"), let sha256 = reader.digest(), reader.take("}")
        else { return nil }
        self.init(serial: serial, sha256: sha256, key: key, notAfter: notAfter)
    }
}

extension PlainJSONWriter {
    /// Nothing for nothing.
    fileprivate mutating func update(_ name: StaticString, _ update: Passport.Update?) {
        guard let update else { return }
        raw(name)
        update.write(to: &self)
    }

    fileprivate mutating func list<T>(_ items: [T], _ write: (inout PlainJSONWriter, T) -> Void) {
        for (place, item) in items.enumerated() {
            if place > 0 { raw(",") }
            write(&self, item)
        }
    }
}

extension PlainJSONReader {
    /// What follows "[", up to and with "]".
    fileprivate mutating func list<T>(_ read: (inout PlainJSONReader) -> T?) -> [T]? {
        if take("]") { return [] }
        var items: [T] = []
        repeat {
            guard let item = read(&self) else { return nil }
            items.append(item)
        } while take(",")
        return take("]") ? items : nil
    }

    /// What follows the name; the inner nil if the name does not come, the outer if it is out of the ordinary.
    fileprivate mutating func update(_ name: StaticString) -> Passport.Update?? {
        guard take(name) else { return .some(nil) }
        guard let update = Passport.Update(plain: &self) else { return nil }
        return .some(update)
    }

    fileprivate mutating func id<Kind>(_ kind: Kind.Type) -> Identifier<Kind>? {
        text().flatMap { try? Identifier<Kind>($0) }
    }

    fileprivate mutating func instant() -> Timestamp? { text().flatMap { Timestamp($0) } }

    fileprivate mutating func digest() -> Digest? {
        text().flatMap { $0.utf8.count <= 256 ? Digest(hex: $0) : nil }
    }
}
