import Foundation

/// The programs that were built beside the tests.
package enum Programs {
    package static var lifelong: String? {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        return [own, bundle].compactMap { $0.map { ($0 as NSString).deletingLastPathComponent + "/lifelong" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
