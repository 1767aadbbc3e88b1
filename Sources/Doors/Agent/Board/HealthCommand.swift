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
        let outcome = try? await Tool.run(
            ["/bin/sh", "-c", command], environment: ["LIFELONG_SLOT": slot, "LIFELONG_IMAGE": image], limit: limit)
        guard let outcome else { return "The health command could not be started." }
        guard let code = outcome.code else {
            return "The health command did not end within \(limit.components.seconds) s."
        }
        return code == 0 ? nil : "The health command ended with \(code)."
    }
}
