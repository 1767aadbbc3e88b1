import CPKCS11
import Wire

/// What is attached to a module, and which of it is meant.
struct TokenSearch {
    let list: CK_FUNCTION_LIST

    struct Found {
        let slot: CK_SLOT_ID
        let label: String
        let serial: String
        let flags: CK_FLAGS
    }

    /// The one token that is meant. None is a fault that goes away when the token comes back; several are a refusal.
    func slot(of choice: TokenSettings.Choice) throws -> CK_SLOT_ID {
        let tokens = try tokens()
        let meant = tokens.filter { token in
            switch choice {
            case .label(let label): token.label == label
            case .serial(let serial): token.serial == serial
            case .slot(let slot): token.slot == slot
            case .only: true
            }
        }
        guard meant.count <= 1 else {
            let names = meant.map { "\"\($0.label)\" (serial \($0.serial), slot \($0.slot))" }.joined(separator: ", ")
            throw Refusal(
                .conflict, "\(meant.count) tokens fit the description: \(names).",
                hint: "Name one by its serial: keys.serial in lifelong.yaml, or --token-serial.", rule: "PKCS#11")
        }
        guard let token = meant.first else { throw TokenFault(code: CKR_TOKEN_NOT_PRESENT, call: "C_GetSlotList") }
        return token.slot
    }

    /// Initialised tokens.
    func tokens() throws(TokenFault) -> [Found] {
        var slots = [CK_SLOT_ID](repeating: 0, count: 256)
        var count = UInt(slots.count)
        try TokenFault.check(list.C_GetSlotList(1, &slots, &count), "C_GetSlotList")
        var found: [Found] = []
        for slot in slots.prefix(Int(min(count, 256))) {
            guard let token = try? info(slot), token.flags & CKF_TOKEN_INITIALIZED != 0 else { continue }
            found.append(token)
        }
        return found
    }

    func info(_ slot: CK_SLOT_ID) throws(TokenFault) -> Found {
        var info = CK_TOKEN_INFO()
        try TokenFault.check(list.C_GetTokenInfo(slot, &info), "C_GetTokenInfo")
        return Found(
            slot: slot, label: Self.text(info.label), serial: Self.text(info.serialNumber), flags: info.flags)
    }

    func mechanisms(_ slot: CK_SLOT_ID) throws(TokenFault) -> Set<CK_MECHANISM_TYPE> {
        var types = [CK_MECHANISM_TYPE](repeating: 0, count: 1024)
        var count = UInt(types.count)
        try TokenFault.check(list.C_GetMechanismList(slot, &types, &count), "C_GetMechanismList")
        return Set(types.prefix(Int(min(count, 1024))))
    }

    /// A field of fixed length, filled up with blanks (PKCS#11 v2.40 §3).
    private static func text<T>(_ field: T) -> String {
        var bytes = withUnsafeBytes(of: field) { Array($0) }
        while let last = bytes.last, last == 0x20 || last == 0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
