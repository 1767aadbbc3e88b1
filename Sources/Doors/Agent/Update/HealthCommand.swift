import Foundation
import Wire

/// A command that says with its exit code whether the image on trial is healthy.
///
/// Runs under /bin/sh with LIFELONG_SLOT (folder of the slot) and LIFELONG_IMAGE (the image) in its environment.
package struct HealthCommand: Sendable {
    package let command: String
    package let limit: Duration

    package init(_ command: String, limit: Duration = .seconds(60)) {
        self.command = command
        self.limit = limit
    }

    /// Nil if healthy, otherwise one sentence.
    package func check(slot: String, image: String) async -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.environment = ProcessInfo.processInfo.environment.merging([
            "LIFELONG_SLOT": slot, "LIFELONG_IMAGE": image,
        ]) { $1 }
        process.standardInput = FileHandle.nullDevice
        let (exits, exit) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            exit.yield($0.terminationStatus)
            exit.finish()
        }
        do { try process.run() } catch { return "The health command could not be started." }
        let identifier = process.processIdentifier
        let status = try? await within(limit) { () -> Int32? in
            for await status in exits { return status }
            return nil
        }
        guard let status = status.flatMap({ $0 }) else {
            kill(identifier, SIGKILL)
            return "The health command did not end within \(limit.components.seconds) s."
        }
        return status == 0 ? nil : "The health command ended with \(status)."
    }
}
