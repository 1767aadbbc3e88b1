import Trust
import Wire

extension StationRecord {
    /// The keys that permits are checked with: the pinned one, or those that succeeded it, or the given one.
    private func believed(given: [UInt8]?) throws(Refusal) -> BelievedKeys {
        let pinned = makerKey.flatMap { Base64.decode($0) }
        guard let key = pinned ?? given else {
            throw Refusal(
                .unauthenticated, "It is not known which key the maker signs permits with.",
                hint: "Give the maker's public key with --maker-key, carried here on a way that you trust.")
        }
        let keys = succession == nil ? [key] : (permitKeys ?? []).compactMap { Base64.decode($0) }
        guard given == nil || given == key || keys.contains(where: { $0 == given }) else {
            throw Refusal(
                .unauthenticated, "The given maker's key is not the one that was pinned when the station was made.",
                hint: "Leave --maker-key out, or make a new station for another maker.")
        }
        return BelievedKeys(.permit, keys: keys, number: succession ?? 0)
    }

    /// The keys to check a permit with, after the statements that came with it; one that is refused refuses the permit.
    func following(_ statements: [Seal], given: [UInt8]?) throws(Refusal) -> BelievedKeys {
        var believed = try believed(given: given)
        guard statements.count <= KeySuccession.maximumBesidePermit else {
            throw Refusal(
                .tooLarge,
                "\(statements.count) successions came with the permit; \(KeySuccession.maximumBesidePermit) are allowed.",
                hint: "Use the file as `lifelong batch open` wrote it.", rule: "succession")
        }
        for statement in statements where !believed.knows(statement) { try believed.follow(statement) }
        return believed
    }

    /// What a station with a pinned key learnt, on its disk; under its lock.
    func keep(_ believed: BelievedKeys, in home: StationHome) throws {
        guard makerKey != nil, believed.number > succession ?? 0 else { return }
        var record = self
        record.permitKeys = believed.keys.map { Base64.encode($0) }
        record.succession = believed.number
        try record.write(to: home)
    }
}
