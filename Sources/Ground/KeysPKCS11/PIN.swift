import Crypto
import Glibc
import Synchronization
import Wire

/// Where a token's user PIN comes from. Its bytes are read when they are needed, handed to C_Login, and wiped; they never
/// stand in an argument, a log or an error.
package struct PINSource: Sendable {
    private enum Origin: Sendable {
        case file(String)
        /// Read once, because the source gives it only once: a variable that was wiped, a terminal.
        case held(HeldPIN)
        case none
    }
    private let origin: Origin
    /// What a person reads: "the file /etc/lifelong/pin".
    package let name: String

    /// The first line of a file that its owner alone can read.
    package static func file(_ path: String) -> PINSource { PINSource(origin: .file(path), name: "the file \(path)") }

    /// Takes the variable out of this process's environment, and out of what /proc shows of it.
    package static func environment(_ variable: String) throws(Refusal) -> PINSource {
        guard let value = getenv(variable), value.pointee != 0 else {
            throw Refusal(
                .unavailable, "The environment variable \(variable) is not set; it should hold the token's PIN.",
                hint: "Set it for this program only, or use a PIN file.")
        }
        let count = strlen(value)
        let held = HeldPIN(UnsafeRawBufferPointer(start: value, count: count))
        explicit_bzero(value, count)
        unsetenv(variable)
        return PINSource(origin: .held(held), name: "the environment variable \(variable)")
    }

    /// Asks at the terminal, without echo. Nil where there is none.
    package static func prompt(_ question: String) throws -> PINSource? {
        let terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else { return nil }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer { tcsetattr(terminal, TCSAFLUSH, &before) }
        let text = Array(question.utf8)
        _ = write(terminal, text, text.count)
        let held = try withPIN(named: "the terminal", readLine(terminal)) { HeldPIN($0) }
        _ = write(terminal, "\n", 1)
        return PINSource(origin: .held(held), name: "the terminal")
    }

    /// For tokens with a PIN pad of their own, or without any PIN.
    package static let none = PINSource(origin: .none, name: "nowhere")

    /// - Parameter body: gets the PIN, or nil where the token asks for itself.
    func with<T>(_ body: (UnsafeRawBufferPointer?) throws -> T) throws -> T {
        switch origin {
        case .none: return try body(nil)
        case .held(let pin): return try pin.with { try body($0) }
        case .file(let path): return try Self.withPIN(named: name, Self.read(path)) { try body($0) }
        }
    }

    private static let longest = 1024

    private static func read(_ path: String) throws(Refusal) -> UnsafeMutableRawBufferPointer {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            throw Refusal(
                .unavailable, "The PIN file \(path) cannot be read: \(String(cString: strerror(errno))).",
                hint: "Write the PIN into it, with mode 0600.", retryAfterSeconds: 5)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o777 == 0o600 else {
            throw Refusal(
                .unavailable,
                "The PIN file \(path) has mode 0\(String(status.st_mode & 0o777, radix: 8)), or is no plain file.",
                hint: "Run: chmod 600 \(path)", retryAfterSeconds: 5)
        }
        return readLine(file)
    }

    /// The bytes up to the end of the line, in memory that the caller wipes.
    private static func readLine(_ file: Int32) -> UnsafeMutableRawBufferPointer {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: longest, alignment: 1)
        for index in buffer.indices { buffer[index] = 10 }
        var filled = 0
        while filled < longest {
            let count = Glibc.read(file, buffer.baseAddress?.advanced(by: filled), longest - filled)
            guard count > 0 else { break }
            filled += count
            if buffer[..<filled].contains(10) { break }
        }
        return buffer
    }

    private static func withPIN<T>(
        named name: String, _ buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> T
    ) throws -> T {
        defer {
            wipe(buffer)
            buffer.deallocate()
        }
        let end = buffer.firstIndex { $0 == 10 || $0 == 13 } ?? buffer.count
        guard (1...255).contains(end) else {
            throw Refusal(
                .unavailable, "The PIN from \(name) is empty or longer than 255 bytes.",
                hint: "Give the token's user PIN in the first line.", retryAfterSeconds: 5)
        }
        return try body(UnsafeRawBufferPointer(rebasing: buffer[..<end]))
    }
}

/// As memset, but never left out by an optimizer that sees nobody read what it writes.
private func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
}

/// A PIN that cannot be read again, kept out of swap and wiped with its owner.
// Safe: written in `init` only, before anybody else has it; wiped in `deinit`, after everybody had it.
private final class HeldPIN: @unchecked Sendable {
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ pin: UnsafeRawBufferPointer) {
        bytes = .allocate(byteCount: max(1, pin.count), alignment: 1)
        if let start = bytes.baseAddress { mlock(start, bytes.count) }
        bytes.copyMemory(from: pin)
    }

    deinit {
        wipe(bytes)
        if let start = bytes.baseAddress { munlock(start, bytes.count) }
        bytes.deallocate()
    }

    func with<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T { try body(UnsafeRawBufferPointer(bytes)) }
}

/// Remembers which PIN a token refused, so that it is never tried a second time: tokens lock after a few tries. Keeps a
/// keyed hash, whose key dies with the process, and not the PIN.
struct RefusedPIN: Sendable {
    private let salt = SymmetricKey(size: .bits256)
    private var refused: [UInt8]?
    private(set) var refusal: Refusal?

    func holds(_ pin: UnsafeRawBufferPointer?) -> Bool {
        refused.map { $0 == hash(pin) } ?? false
    }

    mutating func remember(_ pin: UnsafeRawBufferPointer?, _ refusal: Refusal) {
        refused = hash(pin)
        self.refusal = refusal
    }

    mutating func forget() {
        refused = nil
        refusal = nil
    }

    private func hash(_ pin: UnsafeRawBufferPointer?) -> [UInt8] {
        var code = HMAC<SHA256>(key: salt)
        if let pin { code.update(data: pin) }
        return Array(code.finalize())
    }
}
