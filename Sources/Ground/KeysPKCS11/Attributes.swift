import CPKCS11

/// A template of attributes (PKCS#11 v2.40 §4.1), with memory of its own for as long as a call needs it.
struct Attributes {
    private var values: [(type: CK_ATTRIBUTE_TYPE, bytes: [UInt8])] = []

    init(_ values: KeyValuePairs<CK_ATTRIBUTE_TYPE, Value>) {
        for (type, value) in values { self.values.append((type, value.bytes)) }
    }

    enum Value {
        case yes, no
        case number(UInt)
        case bytes([UInt8])
        case text(String)

        var bytes: [UInt8] {
            switch self {
            case .yes: [1]
            case .no: [0]
            case .number(let number): withUnsafeBytes(of: number) { Array($0) }
            case .bytes(let bytes): bytes
            case .text(let text): Array(text.utf8)
            }
        }
    }

    func with<T>(_ body: (UnsafeMutablePointer<CK_ATTRIBUTE>, UInt) throws -> T) rethrows -> T {
        let memory = values.map { _, bytes in
            let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
            pointer.copyMemory(from: bytes, byteCount: bytes.count)
            return pointer
        }
        defer { memory.forEach { $0.deallocate() } }
        var attributes = zip(values, memory).map { value, pointer in
            var attribute = CK_ATTRIBUTE()
            attribute.type = value.type
            attribute.pValue = pointer
            attribute.ulValueLen = UInt(value.bytes.count)
            return attribute
        }
        return try attributes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { throw TokenFault(code: CKR_ARGUMENTS_BAD, call: "template") }
            return try body(base, UInt(buffer.count))
        }
    }
}
