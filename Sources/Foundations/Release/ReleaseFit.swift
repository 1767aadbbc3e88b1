import Wire

/// What of a device decides whether a release fits it. The service asks before it offers, the device before it writes; both ask
/// here.
package struct ReleaseFit: Sendable, Equatable {
    package var hardware: String
    /// Of the release that runs; nil where nobody knows.
    package var version: String?
    package var bootloader: String?
    /// Of the network module.
    package var network: String?

    /// What a device calls its bootloader and its network module in its posture.
    package static let bootloaderKey = "bootloader"
    package static let networkKey = "network"

    package init(hardware: String, version: String? = nil, bootloader: String? = nil, network: String? = nil) {
        self.hardware = hardware
        self.version = version
        self.bootloader = bootloader
        self.network = network
    }

    /// Nil if the release fits. Where a list is not empty, what nobody knows does not stand in it.
    ///
    /// - Parameter isReturn: the release comes back in place of the one that followed it, which no list of versions to follow names.
    package func misfit(_ manifest: ReleaseManifest, isReturn: Bool = false) -> Refusal? {
        if !manifest.hardware.contains(hardware) {
            return Refusal(
                .forbidden,
                "The release does not run on the hardware \"\(hardware)\", only on \(Self.list(manifest.hardware)).",
                hint: "Offer a release whose manifest names this hardware.", rule: "release: hardware")
        }
        return Self.misfit("follows only the versions", version, isReturn ? nil : manifest.from, "from")
            ?? Self.misfit("starts only under the bootloader", bootloader, manifest.bootloader, "bootloader")
            ?? Self.misfit("speaks only with the network module", network, manifest.network, "network")
    }

    private static func misfit(_ what: String, _ found: String?, _ allowed: [String]?, _ rule: String) -> Refusal? {
        guard let allowed, !allowed.isEmpty, found.map({ !allowed.contains($0) }) ?? true else { return nil }
        let here = found.map { "\"\($0.prefix(64))\"" } ?? "unknown"
        return Refusal(
            .conflict, "The release \(what) \(list(allowed)); here it is \(here).",
            hint: "Offer a release that names it, or bring the device to one that is named first.",
            rule: "release: \(rule)")
    }

    static func list(_ names: [String]) -> String {
        names.prefix(4).map { "\"\($0.prefix(64))\"" }.joined(separator: ", ") + (names.count > 4 ? ", …" : "")
    }
}
