import Foundation
import KeysFile
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The folder of one telling: server, stations, devices, fleet and what the programs said.
struct DemoHome: Sendable {
    let path: String
    /// For the Unix sockets of lines, whose paths must be short.
    let lines: String
    private let lock: Int32

    private static let marker = "lifelong-demo"

    /// Makes it anew. Removes what an earlier telling left, and nothing that is not one.
    init(_ path: String) throws {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        let files = FileManager.default
        if files.fileExists(atPath: path) {
            let names = try files.contentsOfDirectory(atPath: path)
            guard names.isEmpty || names.contains(Self.marker) else {
                throw Refusal(
                    .conflict, "\(path) has files that are not of an earlier demo.",
                    hint: "Choose another --home, or move them away.")
            }
        }
        try DurableFile.makeFolder(path)
        lock = open(path + "/" + Self.marker, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw Refusal(
                .conflict, "Another demo runs in \(path).", hint: "End it with Ctrl-C, or choose another --home.")
        }
        for name in try files.contentsOfDirectory(atPath: path) where name != Self.marker {
            try files.removeItem(atPath: path + "/" + name)
        }
        for folder in ["/server", "/devices", "/logs", "/papers"] { try DurableFile.makeFolder(path + folder) }
        var template = Array((NSTemporaryDirectory() + "/lifelong-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else {
            throw Refusal(.unavailable, "No folder for sockets can be made.", hint: "Check TMPDIR and its free space.")
        }
        lines = String(cString: made)
        self.path = path
    }

    func close() { try? FileManager.default.removeItem(atPath: lines) }

    var server: String { path + "/server" }
    /// What people carry from one to the other: requests, permits, manifests, evidence.
    func paper(_ name: String) -> String { path + "/papers/" + name }
    func log(_ name: String) -> String { path + "/logs/\(name).log" }
    func device(_ number: Int) -> String { path + "/devices/\(number)" }
}

/// Ports of the loopback.
enum FreePorts {
    /// The wanted ports, and for each that is taken some other one.
    static func choose(_ wanted: [Int]) throws -> [Int] {
        var chosen: [Int] = []
        for port in wanted {
            if let free = tryPort(port), !chosen.contains(free) { chosen.append(free); continue }
            guard let other = tryPort(0) else {
                throw Refusal(.unavailable, "No port of 127.0.0.1 is free.", hint: "Stop another program.")
            }
            chosen.append(other)
        }
        return chosen
    }

    /// The port if it can be listened on; any free one for 0.
    private static func tryPort(_ port: Int) -> Int? {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var yes: Int32 = 1
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isFree = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
            }
        }
        return isFree ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
