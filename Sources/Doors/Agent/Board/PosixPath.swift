import Wire

#if canImport(Glibc)
import Glibc
#endif

/// What the system says of a path.
enum PosixPath {
    /// With all its links followed; as it is if it leads nowhere.
    static func resolved(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }

    /// Bytes that fit into a block device, or that a file has; nil if it cannot be opened.
    static func capacity(_ path: String) -> Int? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        return end < 0 ? nil : Int(end)
    }
}

/// What the kernel was started with.
enum KernelWords {
    /// A new name with each start.
    static let bootID = "/proc/sys/kernel/random/boot_id"

    static func of(_ path: String, _ disk: any Disk) throws -> [String: String] {
        guard let bytes = try disk.readWhole(path, limit: 64 << 10) else {
            throw BoardFault.refusal("There is no \(path).", hint: "Mount /proc, or correct the settings.")
        }
        var found: [String: String] = [:]
        for word in String(decoding: bytes, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            guard let equals = word.firstIndex(of: "=") else { continue }
            // As the kernel does: the last one counts.
            found[String(word[..<equals])] = String(word[word.index(after: equals)...])
        }
        return found
    }

    static func bootID(_ path: String, _ disk: any Disk) throws -> String {
        guard let bytes = try disk.readWhole(path, limit: 4096), bytes.count >= 8 else {
            throw BoardFault.refusal("There is no \(path).", hint: "Mount /proc.")
        }
        return String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self)
    }
}
