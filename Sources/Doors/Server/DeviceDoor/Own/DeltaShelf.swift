import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Deltas between artifacts, in VCDIFF (RFC 3284), made by `xdelta3` when the first device could do with one: it takes the whole
/// artifact, and those after it the delta. One is made at a time, behind everything else, with bounded memory.
///
/// A delta is nobody's word: the device compares what comes of it with the signed manifest.
actor DeltaShelf {
    /// As many are kept, the last used.
    static let mostKept = 64
    /// Most bytes of an image; what is larger is fetched whole.
    static let largestImage = 4 << 30
    /// Of the new image, a window, which a device holds in memory; and of the old one, what xdelta3 looks at.
    static let windowBytes = 512 << 10
    static let sourceBytes = 64 << 20
    static let limit = Duration.seconds(3600)
    /// A delta of more than this share of the image is not worth the work of applying it.
    static let largestShare = 0.6

    private let artifacts: String
    private var folder: String { artifacts + "/deltas" }
    private var making: Task<Void, Never>?
    /// There is no xdelta3; it is not looked for again before the next start.
    private var hasNoTool = false

    init(artifacts: String) { self.artifacts = artifacts }

    /// The file of a delta that is there. If it is not, it is begun, unless another one is being made.
    func path(from old: Digest, to new: Digest) throws(Refusal) -> String {
        let path = "\(folder)/\(old)-\(new).vcdiff"
        let size = Self.size(path)
        if let size, size > 0 {
            // The last used are kept.
            utimes(path, nil)
            return path
        }
        if size == nil, making == nil, !hasNoTool {
            making = Task {
                await make(old, new, path)
                making = nil
            }
        }
        throw Refusal(
            .notFound, size == nil ? "There is no such delta, or not yet." : "That delta is not worth its work.",
            hint: "Fetch the whole artifact.")
    }

    private func make(_ old: Digest, _ new: Digest, _ path: String) async {
        let (from, to) = ("\(artifacts)/\(old)", "\(artifacts)/\(new)")
        guard let oldSize = Self.size(from), let newSize = Self.size(to), max(oldSize, newSize) <= Self.largestImage
        else { return }
        let part = "\(folder)/\(UUID().uuidString).part"
        defer { unlink(part) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let status = try await run([
                "-e", "-9", "-f", "-S", "none", "-A", "-W", "\(Self.windowBytes)", "-B", "\(Self.sourceBytes)",
                "-s", from, to, part,
            ])
            guard !hasNoTool else { return }
            let isWorthIt = (Self.size(part).map { Double($0) < Double(newSize) * Self.largestShare }) ?? false
            if status != 0 || !isWorthIt { try Data().write(to: URL(filePath: part)) }
            guard rename(part, path) == 0 else { return }
            forgetOldest()
        } catch { return }
    }

    /// Its exit code; nil if it is not installed, or took too long.
    private func run(_ arguments: [String]) async throws -> Int32? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nice", "-n", "19", "xdelta3"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            end.yield($0.terminationStatus)
            end.finish()
        }
        try process.run()
        let identifier = process.processIdentifier
        let watch = Task {
            guard (try? await Task.sleep(for: Self.limit)) != nil else { return }
            kill(identifier, SIGKILL)
        }
        defer { watch.cancel() }
        for await status in ends {
            // What `env` and `nice` say of a program that is not there.
            if status == 127 { hasNoTool = true }
            return status
        }
        return nil
    }

    private func forgetOldest() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let used = names.filter { $0.hasSuffix(".vcdiff") }.map { name in
            var facts = stat()
            return (name: name, at: stat(folder + "/" + name, &facts) == 0 ? facts.st_mtim.tv_sec : 0)
        }
        for old in used.sorted(by: { $0.at < $1.at }).dropLast(Self.mostKept) { unlink(folder + "/" + old.name) }
    }

    private static func size(_ path: String) -> Int? {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG ? Int(facts.st_size) : nil
    }
}
