import Crypto
import Foundation
import Station
import Trust
import Wire

/// A unit at the other end of a line: with a key of its own, obedient or not.
final class SimulatedUnit: Sendable {
    enum Manner: Sendable {
        case obedient
        /// Goes away instead of sending this message.
        case leavesBefore(String)
        /// Puts another serial into its request.
        case claims(String)
        /// Says this instead of anything sensible, and stays.
        case says([UInt8])
        case silent
        case gives(up: String)
        case storesGarbage
    }

    let key: EphemeralKey
    let hardware: String
    let manner: Manner
    private let memory: Locked<Memory>

    struct Memory: Sendable {
        var serial: String?
        var certificate: [UInt8]?
        var refusal: Refusal?
    }

    init(
        serial: String? = nil, key: EphemeralKey = EphemeralKey(), hardware: String = Workshop.hardware,
        manner: Manner = .obedient
    ) {
        self.key = key
        self.hardware = hardware
        self.manner = manner
        memory = Locked(Memory(serial: serial))
    }

    var serial: String? { memory.withLock { $0.serial } }
    var certificate: [UInt8]? { memory.withLock { $0.certificate } }
    var refusal: Refusal? { memory.withLock { $0.refusal } }

    /// Connects to the batch over a socket pair, as one unit of a run, and returns what the station says of it.
    func visit(_ batch: Batch, number: Int = 1, answerSeconds: Double = 5) throws -> UnitReport {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw POSIXError(.EIO) }
        let (ours, theirs) = (ends[0], ends[1])
        let unit = DispatchGroup()
        unit.enter()
        Thread {
            self.speak(over: theirs)
            close(theirs)
            unit.leave()
        }.start()
        let line = UnitLine(
            reading: ours, writing: ours, patience: .init(answerSeconds: answerSeconds)
        ) { close(ours) }
        defer {
            line.close()
            unit.wait()
        }
        return try ServeUnit(batch, number: number).perform(on: line)
    }

    /// The unit's side of the conversation, until it is over or the line is closed.
    func speak(over file: Int32) {
        let line = UnitLine(reading: file, writing: file, patience: .init(answerSeconds: 10)) {}
        try? converse(over: line, file)
    }

    private func converse(over line: UnitLine, _ file: Int32) throws {
        while true {
            switch try line.receive() {
            case .identify:
                if case .says(let bytes) = manner { return stay(saying: bytes, file) }
                if case .silent = manner { return stay(saying: [], file) }
                if case .leavesBefore("hardware") = manner { return }
                try line.send(.hardware(name: hardware, serial: serial))
            case .request(let serial, _):
                if case .leavesBefore("csr") = manner { return }
                if case .gives(let text) = manner {
                    return try line.send(.error(Refusal(.internal, text, hint: "Look.")))
                }
                memory.withLock { $0.serial = serial }
                var asked = serial
                if case .claims(let other) = manner { asked = other }
                try line.send(.csr(Base64.encode(try CertificationRequest.birth(serial: asked, key: key))))
            case .birth(let certificate, _, _):
                if case .leavesBefore("born") = manner { return }
                var stored = Base64.decode(certificate) ?? []
                if case .storesGarbage = manner { stored[0] ^= 1 }
                memory.withLock { $0.certificate = stored }
                try line.send(.born(sha256: Wire.Digest(SHA256.hash(data: stored))))
            case .error(let refusal):
                return memory.withLock { $0.refusal = refusal }
            default:
                return
            }
        }
    }

    /// Says something and waits for the station to hang up.
    private func stay(saying bytes: [UInt8], _ file: Int32) {
        _ = fcntl(file, F_SETFL, fcntl(file, F_GETFL) & ~O_NONBLOCK)
        var at = 0
        while at < bytes.count {
            let n = bytes[at...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if n <= 0 { return }
            at += n
        }
        var chunk = [UInt8](repeating: 0, count: 4096)
        while read(file, &chunk, chunk.count) > 0 {}
    }
}
