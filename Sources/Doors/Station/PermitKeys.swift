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

    /// The keys to check a permit with, after the statements that came with it. What a station with a pinned key learns is on
    /// its disk before it is used; one that is refused changes nothing.
    func following(_ statements: [Seal], given: [UInt8]?, in home: StationHome) throws -> [[UInt8]] {
        var believed = try believed(given: given)
        let before = believed
        guard statements.count <= Self.maximumStatements else {
            throw Refusal(
                .tooLarge,
                "\(statements.count) successions came with the permit; \(Self.maximumStatements) are allowed.",
                hint: "Use the file as `lifelong batch open` wrote it.", rule: "succession")
        }
        for statement in statements where !believed.knows(statement) { try believed.follow(statement) }
        if makerKey != nil, believed != before {
            var record = self
            record.permitKeys = believed.keys.map { Base64.encode($0) }
            record.succession = believed.number
            try record.write(to: home)
        }
        return believed.keys
    }

    /// Beside one permit.
    private static let maximumStatements = 64
}
