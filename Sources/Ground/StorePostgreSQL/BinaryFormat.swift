import CLibPQ
import Foundation
import Store

/// PostgreSQL's binary format of the types that we use.
enum BinaryFormat {
    /// Type oids of pg_type.dat.
    private enum Kind {
        static let bool: Oid = 16
        static let bytes: Oid = 17
        static let int8: Oid = 20
        static let int2: Oid = 21
        static let int4: Oid = 23
        static let numeric: Oid = 1700
    }

    static func value(_ bytes: UnsafeRawBufferPointer, type: Oid) throws(SessionTrouble) -> Value {
        switch type {
        case Kind.int8 where bytes.count == 8:
            return .int(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
        case Kind.int4 where bytes.count == 4:
            return .int(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
        case Kind.int2 where bytes.count == 2:
            return .int(Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))))
        case Kind.bool where bytes.count == 1: return .int(bytes[0] == 0 ? 0 : 1)
        case Kind.bytes: return .bytes(Array(bytes))
        case Kind.numeric: return .int(try whole(bytes))
        default: return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// A whole number of type numeric, as SUM of BIGINT gives it: digits of base 10,000.
    private static func whole(_ bytes: UnsafeRawBufferPointer) throws(SessionTrouble) -> Int64 {
        func word(_ at: Int) -> Int64 {
            Int64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
        }
        let broken = SessionTrouble(state: "22003", message: "a number is not a whole one of 64 bits")
        guard bytes.count >= 8 else { throw broken }
        let digits = Int(word(0))
        let weight = Int(Int16(truncatingIfNeeded: word(2)))
        guard bytes.count == 8 + digits * 2, digits <= weight + 1, weight < 5, word(4) == 0 || word(4) == 0x4000 else {
            throw broken
        }
        var sum: Int64 = 0
        for place in 0...max(weight, 0) where digits > 0 {
            let (shifted, tooFar) = sum.multipliedReportingOverflow(by: 10_000)
            let (next, tooMuch) = shifted.addingReportingOverflow(place < digits ? word(8 + place * 2) : 0)
            guard !tooFar, !tooMuch else { throw broken }
            sum = next
        }
        return word(4) == 0 ? sum : -sum
    }
}

/// Arguments of a statement in one block of memory, as libpq wants them: numbers as text, texts and bytes as they are.
final class Parameters {
    private let memory: UnsafeMutablePointer<CChar>
    let pointers: [UnsafePointer<CChar>?]
    let lengths: [Int32]
    let formats: [Int32]

    init(_ values: [Value]) throws(SessionTrouble) {
        var size = 1
        for value in values {
            switch value {
            case .null: break
            case .int: size += 21
            case .text(let text): size += text.utf8.count + 1
            case .bytes(let bytes): size += bytes.count + 1
            }
        }
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        self.memory = memory
        var used = 0
        var pointers: [UnsafePointer<CChar>?] = []
        var lengths: [Int32] = []
        var formats: [Int32] = []
        pointers.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        formats.reserveCapacity(values.count)
        var hasNUL = false
        /// Copies the bytes and a NUL after them, which ends a number and is outside of the length of all else.
        func add(_ bytes: UnsafeRawBufferPointer, format: Int32) {
            UnsafeMutableRawPointer(memory + used).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(memory), byteCount: bytes.count)
            memory[used + bytes.count] = 0
            pointers.append(UnsafePointer(memory + used))
            lengths.append(Int32(bytes.count))
            formats.append(format)
            used += bytes.count + 1
        }
        for value in values {
            switch value {
            case .null:
                pointers.append(nil)
                lengths.append(0)
                formats.append(0)
            case .int(let int):
                var text = String(int)
                text.withUTF8 { add(UnsafeRawBufferPointer($0), format: 0) }
            case .text(var text):
                text.withUTF8 {
                    hasNUL = hasNUL || $0.contains(0)
                    add(UnsafeRawBufferPointer($0), format: 1)
                }
            case .bytes(let bytes): bytes.withUnsafeBytes { add($0, format: 1) }
            }
        }
        self.pointers = pointers
        self.lengths = lengths
        self.formats = formats
        // Found here, before it fails the transaction of others.
        if hasNUL { throw SessionTrouble(state: "22021", message: "a text holds NUL") }
    }

    deinit { memory.deallocate() }
}

/// C strings that end with nil, for as long as it lives.
final class CStrings {
    let pointers: [UnsafePointer<CChar>?]
    init(_ texts: [String]) { pointers = texts.map { UnsafePointer(strdup($0)) } + [nil] }
    deinit { for pointer in pointers { free(UnsafeMutableRawPointer(mutating: pointer)) } }
}
