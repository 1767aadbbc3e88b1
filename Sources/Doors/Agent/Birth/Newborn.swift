import Keys
import Trust
import Wire

/// The name that a station gave to a unit that had none.
private struct AssignedSerial: Codable, Sendable {
    let serial: String
}

/// A birth on the agent's own disk and key store.
package struct Newborn: Sendable {
    let home: AgentHome
    let disk: any Disk
    let keys: any KeyStore
    let now: @Sendable () -> Timestamp

    package init(home: AgentHome, disk: any Disk, keys: any KeyStore, now: @escaping @Sendable () -> Timestamp) {
        self.home = home
        self.disk = disk
        self.keys = keys
        self.now = now
    }

    /// Talks with the station until the unit is born, or throws after telling the station why not.
    ///
    /// A unit that was born here before (the line broke before the station heard of it) shows the same key and serial
    /// again. One that is in use is left alone.
    /// - Parameter image: what slot a runs from the factory.
    package func beBorn(hardware: String, serial: String?, image: [UInt8], on line: StationLine) throws -> UnitRecord {
        try disk.makeFolder(home.folder)
        try home.makeFolders(on: disk)
        let before = try disk.read(UnitRecord.self, from: home.unit)
        guard try disk.size(of: home.current) == nil else {
            throw Refusal(
                .conflict, "The unit in \(home.folder) is in use; it cannot be born again.",
                hint: "Choose another --home.")
        }
        if let before, before.hardware != hardware || (serial != nil && before.serial != serial) {
            throw Refusal(
                .conflict, "The unit in \(home.folder) was born as \(before.serial), \(before.hardware).",
                hint: "Name that serial and hardware, or choose another --home.")
        }
        let key = try keys.findOrMake(DeviceKeys.birth, algorithm: .p256)
        let assigned = try disk.read(AssignedSerial.self, from: home.assigned)?.serial
        var birth = try BeBorn(hardware: hardware, serial: before?.serial ?? serial ?? assigned, key: key)
        do {
            while !birth.isDone {
                let answer = try birth.answer(try line.receive(), at: now()) { try keep($0, image: image) }
                if let named = birth.assignedSerial { try disk.write(AssignedSerial(serial: named), as: home.assigned) }
                try line.send(answer)
            }
        } catch let refusal as Refusal {
            // The station may be gone already; what matters is told to whoever started the birth.
            try? line.send(.error(refusal))
            throw refusal
        }
        guard let unit = birth.identity?.unit else {
            throw Refusal(.internal, "The birth ended without an identity.", hint: "Begin again.")
        }
        return unit
    }

    /// `unit.json` comes last: with it the unit is born, without it the birth is begun again.
    private func keep(_ identity: BeBorn.Identity, image: [UInt8]) throws {
        let pem = identity.chain.map { PEM.encode($0, label: "CERTIFICATE") }.joined()
        try disk.write(Array(pem.utf8), to: home.birthCertificate)
        try disk.write(identity.service, as: home.service)
        try Slots(on: disk, folder: home.slots).furnish(
            image, product: identity.unit.product, hardware: identity.unit.hardware, at: now())
        let isNew = try disk.size(of: home.unit) == nil
        try disk.write(identity.unit, as: home.unit)
        if isNew {
            var log = try DeviceLog(on: disk, folder: home.log)
            try log.append("born", "Born as \(identity.unit.serial), \(identity.unit.hardware).", at: now())
        }
    }
}
