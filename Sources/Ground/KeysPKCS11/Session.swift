import CPKCS11
import Wire

/// One session of one thread. Every call of it happens inside `Module.call`.
final class Session {
    /// Which opening of the token a session or a handle belongs to; of an older one nothing is used any more.
    struct Stamp: Equatable, Sendable {
        /// Of the module; changes when the library was taken down.
        var generation: UInt64
        /// Of the pool; changes when its sessions were lost.
        var epoch: UInt64
    }

    let stamp: Stamp
    let slot: CK_SLOT_ID
    let list: CK_FUNCTION_LIST
    private let handle: CK_SESSION_HANDLE

    init(_ list: CK_FUNCTION_LIST, slot: CK_SLOT_ID, stamp: Stamp) throws(TokenFault) {
        self.list = list
        self.slot = slot
        self.stamp = stamp
        var handle: CK_SESSION_HANDLE = 0
        try TokenFault.check(
            list.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nil, nil, &handle), "C_OpenSession")
        self.handle = handle
    }

    func close() { _ = list.C_CloseSession(handle) }

    /// - Parameter pin: nil where the token has a way of its own to ask.
    func login(_ pin: UnsafeRawBufferPointer?) throws {
        let bytes = pin?.baseAddress.map { UnsafeMutableRawPointer(mutating: $0).assumingMemoryBound(to: UInt8.self) }
        let code = list.C_Login(handle, CK_USER_TYPE(CKU_USER), bytes, UInt(pin?.count ?? 0))
        if code != CKR_USER_ALREADY_LOGGED_IN { try TokenFault.check(code, "C_Login") }
    }

    /// Throws where nobody is logged in any more, or the token is gone: what it holds is invisible then, and an empty
    /// answer would look like "no such key".
    func demandLogin() throws(TokenFault) {
        _ = try TokenSearch(list: list).info(slot)
        var info = CK_SESSION_INFO()
        try TokenFault.check(list.C_GetSessionInfo(handle, &info), "C_GetSessionInfo")
        guard info.state == CKS_RW_USER_FUNCTIONS || info.state == CKS_RO_USER_FUNCTIONS else {
            throw TokenFault(code: CKR_USER_NOT_LOGGED_IN, call: "C_GetSessionInfo")
        }
    }

    // Objects.

    /// At most `limit` objects that have all these attributes.
    func find(_ attributes: Attributes, limit: Int = 4096) throws -> [CK_OBJECT_HANDLE] {
        try attributes.with { template, count in
            try TokenFault.check(list.C_FindObjectsInit(handle, template, count), "C_FindObjectsInit")
        }
        defer { _ = list.C_FindObjectsFinal(handle) }
        var found: [CK_OBJECT_HANDLE] = []
        var page = [CK_OBJECT_HANDLE](repeating: 0, count: 64)
        while found.count < limit {
            var count: UInt = 0
            try TokenFault.check(list.C_FindObjects(handle, &page, UInt(page.count), &count), "C_FindObjects")
            guard count > 0 else { break }
            found += page.prefix(Int(min(count, 64)))
        }
        return Array(found.prefix(limit))
    }

    /// The attribute's bytes, or nil if the object has none that may be read. At most 4 KiB.
    func bytes(_ type: CK_ATTRIBUTE_TYPE, of object: CK_OBJECT_HANDLE) throws(TokenFault) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var length = CK_UNAVAILABLE
        let code = buffer.withUnsafeMutableBytes { bytes in
            var attribute = CK_ATTRIBUTE()
            attribute.type = type
            attribute.pValue = bytes.baseAddress
            attribute.ulValueLen = UInt(bytes.count)
            let code = list.C_GetAttributeValue(handle, object, &attribute, 1)
            length = attribute.ulValueLen
            return code
        }
        if code == CKR_ATTRIBUTE_SENSITIVE || code == CKR_ATTRIBUTE_TYPE_INVALID || code == CKR_BUFFER_TOO_SMALL {
            return nil
        }
        try TokenFault.check(code, "C_GetAttributeValue")
        guard length <= UInt(buffer.count) else { return nil }
        return Array(buffer.prefix(Int(length)))
    }

    func label(of object: CK_OBJECT_HANDLE) throws(TokenFault) -> String {
        String(decoding: try bytes(CKA_LABEL, of: object) ?? [], as: UTF8.self)
    }

    func rename(_ object: CK_OBJECT_HANDLE, to label: String) throws {
        try Attributes([CKA_LABEL: .text(label)]).with { template, count in
            try TokenFault.check(
                list.C_SetAttributeValue(handle, object, template, count), "C_SetAttributeValue")
        }
    }

    func destroy(_ object: CK_OBJECT_HANDLE) throws(TokenFault) {
        try TokenFault.check(list.C_DestroyObject(handle, object), "C_DestroyObject")
    }

    // Keys.

    func generatePair(
        _ mechanism: CK_MECHANISM_TYPE, public publicKey: Attributes, private privateKey: Attributes
    ) throws -> (public: CK_OBJECT_HANDLE, private: CK_OBJECT_HANDLE) {
        var made: (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) = (0, 0)
        try publicKey.with { publics, publicCount in
            try privateKey.with { privates, privateCount in
                var mechanism = CK_MECHANISM(mechanism: mechanism, pParameter: nil, ulParameterLen: 0)
                try TokenFault.check(
                    list.C_GenerateKeyPair(
                        handle, &mechanism, publics, publicCount, privates, privateCount, &made.0, &made.1),
                    "C_GenerateKeyPair")
            }
        }
        return made
    }

    func generateKey(_ mechanism: CK_MECHANISM_TYPE, _ attributes: Attributes) throws -> CK_OBJECT_HANDLE {
        var made: CK_OBJECT_HANDLE = 0
        try attributes.with { template, count in
            var mechanism = CK_MECHANISM(mechanism: mechanism, pParameter: nil, ulParameterLen: 0)
            try TokenFault.check(list.C_GenerateKey(handle, &mechanism, template, count, &made), "C_GenerateKey")
        }
        return made
    }

    func sign(
        _ message: [UInt8], _ mechanism: CK_MECHANISM_TYPE, _ key: CK_OBJECT_HANDLE
    ) throws(TokenFault) -> [UInt8] {
        var mechanism = CK_MECHANISM(mechanism: mechanism, pParameter: nil, ulParameterLen: 0)
        try TokenFault.check(list.C_SignInit(handle, &mechanism, key), "C_SignInit")
        var message = message
        var signature = [UInt8](repeating: 0, count: 1024)
        var count = UInt(signature.count)
        try TokenFault.check(list.C_Sign(handle, &message, UInt(message.count), &signature, &count), "C_Sign")
        return Array(signature.prefix(Int(min(count, 1024))))
    }

    /// - Parameter parameter: the mechanism's; alive only for the call.
    func encrypt(
        _ plain: [UInt8], _ mechanism: CK_MECHANISM_TYPE, _ parameter: UnsafeMutableRawBufferPointer,
        _ key: CK_OBJECT_HANDLE
    ) throws(TokenFault) -> [UInt8] {
        var mechanism = CK_MECHANISM(
            mechanism: mechanism, pParameter: parameter.baseAddress, ulParameterLen: UInt(parameter.count))
        try TokenFault.check(list.C_EncryptInit(handle, &mechanism, key), "C_EncryptInit")
        var plain = plain
        var sealed = [UInt8](repeating: 0, count: plain.count + 64)
        var count = UInt(sealed.count)
        try TokenFault.check(list.C_Encrypt(handle, &plain, UInt(plain.count), &sealed, &count), "C_Encrypt")
        return Array(sealed.prefix(Int(min(count, UInt(sealed.count)))))
    }

    func decrypt(
        _ sealed: [UInt8], _ mechanism: CK_MECHANISM_TYPE, _ parameter: UnsafeMutableRawBufferPointer,
        _ key: CK_OBJECT_HANDLE
    ) throws(TokenFault) -> [UInt8] {
        var mechanism = CK_MECHANISM(
            mechanism: mechanism, pParameter: parameter.baseAddress, ulParameterLen: UInt(parameter.count))
        try TokenFault.check(list.C_DecryptInit(handle, &mechanism, key), "C_DecryptInit")
        var sealed = sealed
        var plain = [UInt8](repeating: 0, count: sealed.count + 64)
        var count = UInt(plain.count)
        try TokenFault.check(list.C_Decrypt(handle, &sealed, UInt(sealed.count), &plain, &count), "C_Decrypt")
        return Array(plain.prefix(Int(min(count, UInt(plain.count)))))
    }
}

private let CK_UNAVAILABLE = UInt.max
