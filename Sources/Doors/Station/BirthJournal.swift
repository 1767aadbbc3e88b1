import Trust
import Wire

/// Everything that a batch must not forget, and the one place that decides who may be born. Invariants:
/// 1. A birth is on the disk before anybody sees its certificate.
/// 2. There are never more births than the permit's quantity, those under way included.
/// 3. A serial has one key and a key has one serial, in this batch and all others of the station: they share the issuer.
/// 4. An intent is on the disk before the birth CA's key is used for it.
final class BirthJournal: Sendable {
    /// Room for the million units of a large batch at some 2 KB each.
    private static let maximumBytes = 4 << 30

    fileprivate struct State: ~Copyable {
        var births: [Birth] = []
        var bySerial: [String: (birth: Int, key: Digest)] = [:]
        var serialOfKey: [Digest: String] = [:]
        /// Born in other batches of this station.
        var elsewhere: Elsewhere
        /// Serials between their request and their birth, with the key once it is known.
        var underWay: [String: Digest?] = [:]
        var file: AppendFile
        var intents: AppendFile
        var notes: AppendFile
    }

    /// Serials and keys of a station's other batches.
    struct Elsewhere: Sendable {
        var serials: [String: BatchID] = [:]
        var keys: [Digest: BatchID] = [:]
    }

    private let state: Locked<State>
    private let quantity: Int

    init(
        _ folder: BatchFolder, quantity: Int, elsewhere: Elsewhere, keyOf: (Birth) throws(Refusal) -> Digest
    ) throws(Refusal) {
        var births: [Birth] = []
        let file = try AppendFile(folder.births, limit: Self.maximumBytes) { line throws(Refusal) in
            births.append(try Self.decode(line, number: births.count + 1, path: folder.births))
        }
        var state = State(
            elsewhere: elsewhere, file: file, intents: try AppendFile(folder.intents, limit: Self.maximumBytes),
            notes: try AppendFile(folder.notes, limit: Self.maximumBytes))
        for birth in births { state.add(birth, key: try keyOf(birth)) }
        self.state = Locked(state)
        self.quantity = quantity
    }

    /// The births of a folder, without opening it for more.
    static func read(_ folder: BatchFolder) throws(Refusal) -> [Birth] {
        let bytes = try StationFile.read(folder.births, limit: maximumBytes) ?? []
        var births: [Birth] = []
        for line in bytes[0..<((bytes.lastIndex(of: 10) ?? -1) + 1)].split(separator: 10) {
            births.append(try decode(line, number: births.count + 1, path: folder.births))
        }
        return births
    }

    private static func decode(_ line: ArraySlice<UInt8>, number: Int, path: String) throws(Refusal) -> Birth {
        guard let birth = try? CanonicalJSON.decode(Birth.self, from: line, limit: 64 << 10) else {
            throw Refusal(
                .unavailable, "Line \(number) of \(path) is broken.",
                hint: "Restore the station's folder from its backup; do not edit that file.")
        }
        return birth
    }

    static func usedUp(_ quantity: Int) -> Refusal {
        Refusal(
            .gone, "The permit's \(quantity) identities are used up.",
            hint: "Ask the maker for a permit for more, or close the batch.", rule: "permit quantity")
    }

    var births: [Birth] { state.withLock { $0.births } }
    var count: Int { state.withLock { $0.births.count } }

    /// Takes the serial for one unit; `release` gives it back.
    func claim(_ serial: String) throws(Refusal) {
        try state.withLock { state throws(Refusal) in
            if let batch = state.elsewhere.serials[serial] {
                throw Refusal(
                    .conflict, "Serial \(serial) was born in batch \(batch).", hint: "Give the unit another serial.")
            }
            guard state.underWay[serial] == nil else {
                throw Refusal(
                    .conflict, "Another unit is being born under serial \(serial) at this moment.",
                    hint: "Connect one of the two, and give the other another serial.")
            }
            state.underWay.updateValue(nil, forKey: serial)
        }
    }

    /// Takes a serial that nobody has, from those that `candidate` gives.
    func claimNew(_ candidate: () -> String) throws(Refusal) -> String {
        try state.withLock { state throws(Refusal) in
            // Of a trillion serials, several taken ones in a row mean a broken generator.
            for _ in 0..<16 {
                let serial = candidate()
                guard state.bySerial[serial] == nil, state.underWay[serial] == nil,
                    state.elsewhere.serials[serial] == nil
                else { continue }
                state.underWay.updateValue(nil, forKey: serial)
                return serial
            }
            throw Refusal(
                .unavailable, "No unused serial was found in 16 attempts.", hint: "Use another --serial-prefix.")
        }
    }

    func release(_ serial: String) { state.withLock { _ = $0.underWay.removeValue(forKey: serial) } }

    /// The birth that this serial and key already have, or nil if they may have one now.
    func admit(_ serial: String, key: Digest) throws(BirthFailure) -> Birth? {
        try state.withLock { state throws(BirthFailure) in
            if let known = state.bySerial[serial] {
                guard known.key == key else {
                    throw .unit(
                        Refusal(
                            .conflict, "Serial \(serial) was born with another key.",
                            hint: "Give the unit another serial, or put back the key that it was born with.",
                            rule: "one serial, one key"))
                }
                return state.births[known.birth]
            }
            try state.checkKeyIsNew(key, serial)
            try state.checkQuota(quantity)
            state.underWay.updateValue(key, forKey: serial)
            return nil
        }
    }

    func store(_ intent: BirthIntent) throws(BirthFailure) {
        let line = try BirthFailure.batch { try CanonicalJSON.encode(intent) }
        try state.withLock { state throws(BirthFailure) in
            try BirthFailure.batch { try state.intents.append(line) }
        }
    }

    func append(_ birth: Birth, key: Digest) throws(BirthFailure) {
        let line = try BirthFailure.batch { try CanonicalJSON.encode(birth) }
        try state.withLock { state throws(BirthFailure) in
            try BirthFailure.batch { try state.file.append(line) }
            state.add(birth, key: key)
        }
    }

    func note(_ note: UnitNote) throws(BirthFailure) {
        let line = try BirthFailure.batch { try CanonicalJSON.encode(note) }
        try state.withLock { state throws(BirthFailure) in
            try BirthFailure.batch { try state.notes.append(line) }
        }
    }
}

extension BirthJournal.State {
    fileprivate mutating func add(_ birth: Birth, key: Digest) {
        bySerial[birth.serial] = (births.count, key)
        serialOfKey[key] = birth.serial
        births.append(birth)
        underWay.removeValue(forKey: birth.serial)
    }

    fileprivate func checkKeyIsNew(_ key: Digest, _ serial: String) throws(BirthFailure) {
        let other = serialOfKey[key] ?? underWay.first { $0.value == key && $0.key != serial }?.key
        guard other != nil || elsewhere.keys[key] != nil else { return }
        let owner = other ?? "of another batch"
        throw .unit(
            Refusal(
                .conflict, "This key belongs to serial \(owner) and cannot have serial \(serial) too.",
                hint: "Let the unit say the serial that it was born with, or let it make a new key.",
                rule: "one key, one serial"))
    }

    fileprivate func checkQuota(_ quantity: Int) throws(BirthFailure) {
        guard births.count < quantity else {
            throw .batch(BirthJournal.usedUp(quantity))
        }
        guard births.count + underWay.values.count(where: { $0 != nil }) < quantity else {
            throw .unit(
                Refusal(
                    .tooMany, "The permit's last identities are being given out at this moment.",
                    hint: "Connect the unit again in a minute.", rule: "permit quantity", retryAfterSeconds: 60))
        }
    }
}
