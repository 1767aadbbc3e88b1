import CPKCS11
import Glibc
import Wire

/// Makes an object under a label that nobody else has, although PKCS#11 knows no unique labels and several processes may
/// use the token at once.
///
/// 1. The object is made under a provisional label, "label?instant-identity", which is no label to anybody else.
/// 2. All objects are looked through. If another has the label, or a provisional one for it, ours is destroyed.
/// 3. Ours gets its label.
/// Of two that come together, the one that made its object later sees the other's: never do both get to step 3. Both may
/// give way; then each waits for a random time and tries again.
struct LabelClaim {
    enum Outcome: Sendable {
        case made(CK_OBJECT_HANDLE)
        case taken
        /// Somebody else tries the same at this moment.
        case contested
    }

    let objectClass: CK_OBJECT_CLASS
    let label: String
    /// CKA_ID, random, of this claim alone.
    let identity: [UInt8]
    /// Makes the object, and whatever belongs to it, under the label that it is given, and with `identity`.
    let generate: (Session, _ label: String) throws -> CK_OBJECT_HANDLE

    /// A provisional label that is older was left behind by somebody who died; in seconds.
    private static let abandonedAfterSeconds: Int64 = 600

    func perform(in session: Session) throws -> Outcome {
        try session.demandLogin()
        // What an attempt before this one left, whose session was lost.
        if let own = try own(in: session).first(where: { try session.label(of: $0) == label }) { return .made(own) }
        try removeOwn(in: session)
        if try !named(in: session).isEmpty { return .taken }
        let made = try generate(session, "\(label)?\(Self.now())-\(Hex.encode(identity))")
        do {
            if try hasRival(in: session) {
                try removeOwn(in: session)
                return .contested
            }
            guard try rename(in: session) else { return try makeUnderItsLabel(in: session) }
            return .made(made)
        } catch {
            try? removeOwn(in: session)
            throw error
        }
    }

    /// For tokens that let nobody rename: there the label itself is the claim.
    private func makeUnderItsLabel(in session: Session) throws -> Outcome {
        try removeOwn(in: session)
        let made = try generate(session, label)
        if try hasRival(in: session) {
            try removeOwn(in: session)
            return .contested
        }
        return .made(made)
    }

    /// The claimed object first: it is what others look for.
    private func rename(in session: Session) throws -> Bool {
        let own = try own(in: session)
        do {
            for object in own { try session.rename(object, to: label) }
            for object in try session.find(Attributes([CKA_ID: .bytes(identity)])) where !own.contains(object) {
                try session.rename(object, to: label)
            }
            return true
        } catch let fault as TokenFault where fault.kind == .unsupported || fault.kind == .other {
            return false
        }
    }

    private func hasRival(in session: Session) throws -> Bool {
        let own = Set(try self.own(in: session))
        for object in try session.find(Attributes([CKA_CLASS: .number(objectClass)])) where !own.contains(object) {
            let name = try session.label(of: object)
            if name == label { return true }
            guard name.hasPrefix(label + "?") else { continue }
            let instant = name.dropFirst(label.utf8.count + 1).prefix { $0 != "-" }
            guard let made = Int64(instant), Self.now() - made > Self.abandonedAfterSeconds * 1000 else { return true }
            try? session.destroy(object)
        }
        return false
    }

    private func named(in session: Session) throws -> [CK_OBJECT_HANDLE] {
        try session.find(Attributes([CKA_CLASS: .number(objectClass), CKA_LABEL: .text(label)]))
    }

    private func own(in session: Session) throws -> [CK_OBJECT_HANDLE] {
        try session.find(Attributes([CKA_CLASS: .number(objectClass), CKA_ID: .bytes(identity)]))
    }

    private func removeOwn(in session: Session) throws {
        for object in try session.find(Attributes([CKA_ID: .bytes(identity)])) { try session.destroy(object) }
    }

    /// Milliseconds since 1970.
    private static func now() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
