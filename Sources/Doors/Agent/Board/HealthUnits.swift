import Wire

/// Units of systemd that are active on a device that is well.
package struct HealthUnits: Sendable {
    package let names: [String]
    /// How long they may take to come up.
    package let limit: Duration
    /// "systemctl", or what stands for it.
    package let systemctl: [String]

    package init(_ names: [String], limit: Duration = .seconds(60), systemctl: [String] = ["systemctl"]) {
        self.names = names
        self.limit = limit
        self.systemctl = systemctl
    }

    /// What systemd takes for a unit's name (systemd.unit(5)), and nothing that it would take for an option.
    package static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && !text.hasPrefix("-")
            && text.utf8.allSatisfy {
                (48...58).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || [45, 46, 64, 92, 95].contains($0)
            }
    }

    /// Nil if all of them are active, otherwise one sentence. Asks once a second until they are, or the time is over.
    package func check() async -> String? {
        guard !names.isEmpty else { return nil }
        let end = ContinuousClock.now + limit
        while true {
            let fault = await look()
            guard fault != nil, ContinuousClock.now + .seconds(1) < end, !Task.isCancelled else { return fault }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// One word a unit, in their order; the exit code says only whether any of them is active.
    private func look() async -> String? {
        let asked = try? await Tool.run(systemctl + ["is-active"] + names, limit: .seconds(20))
        guard let asked, asked.code != nil else { return "systemd does not say whether its units are active." }
        let states = asked.text.split(separator: "\n")
        guard states.count == names.count else {
            return "systemd does not say whether its units are active: \(asked.errors.prefix(200))"
        }
        let down = zip(names, states).first { $1 != "active" }
        return down.map { "The unit \($0) is \($1)." }
    }
}
