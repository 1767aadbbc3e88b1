import Wire

/// Where the agent keeps what, below one folder (0700).
///
/// What is whose: `identity`, `metadata` and the running slot are the device's, for life; everything under
/// `operational`, `configuration`, `data`, `outbox`, `download` and `log` is the tenure's and ends with it.
package struct AgentHome: Sendable {
    package let folder: String
    package init(_ folder: String) { self.folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder }

    package var identity: String { folder + "/identity" }
    /// `UnitRecord`; written last at birth, so that a unit with it is born.
    package var unit: String { identity + "/unit.json" }
    /// PEM: the birth certificate, then its chain up to the root.
    package var birthCertificate: String { identity + "/birth.pem" }
    /// `AssignedSerial`: what the station called this unit, before its request leaves.
    package var assigned: String { identity + "/assigned.json" }
    /// `ServiceAnchor`.
    package var service: String { identity + "/service.json" }
    /// There once the device is retired: the agent makes no contact any more.
    package var retired: String { identity + "/retired.json" }

    /// `Updates.Floor`: what no release may be below, whatever is in the slots.
    package var floor: String { identity + "/floor.json" }

    package var keys: String { folder + "/keys" }

    package var operational: String { folder + "/operational" }
    /// `OperationalRecord`.
    package var current: String { operational + "/current.json" }
    /// `PendingRequest`.
    package var pending: String { operational + "/pending.json" }

    /// A link to the document in force, `configuration/VERSION.json`.
    package var configuration: String { folder + "/configuration.json" }
    package var configurations: String { folder + "/configuration" }

    package var slots: String { folder + "/slots" }
    /// Update metadata that was believed; what is older is never believed again.
    package var metadata: String { folder + "/metadata" }
    package var download: String { folder + "/download" }
    package var outbox: String { folder + "/outbox" }
    package var log: String { folder + "/log" }
    /// For the owner's data, kept by whatever runs on the device; wiped with the tenure.
    package var data: String { folder + "/data" }
    /// `WipeOrder`, while a wipe or its receipt is outstanding.
    package var wipe: String { folder + "/wipe.json" }
    /// `LastWord`: what the service last said of this device.
    package var lastWord: String { folder + "/last-word.json" }
    package var lock: String { folder + "/lock" }

    package func makeFolders(on disk: some Disk) throws {
        for path in [identity, operational, configurations, slots, metadata, download, outbox, log, data] {
            try disk.makeFolder(path)
        }
        try disk.syncFolder(folder)
    }
}
