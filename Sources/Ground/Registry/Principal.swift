import Wire

/// What somebody may be. Thin for now: one role a person; relationships and circumstances come with policies.
package enum Role: String, Codable, Sendable, CaseIterable {
    /// The maker's product-security team: everything but owning a device.
    case makerAdmin
    /// A production line's account: opens batches and hands in births.
    case station
    /// A person or organisation that owns devices.
    case owner
    /// Looks, and touches nothing.
    case support
    /// Looks at the ledger and takes proofs away.
    case auditor
    /// A device, authenticated by a certificate of its own.
    case device
    /// The house itself: recovery, publication.
    case system
}

/// Who asks, as a door found out. Doors make it; `Access` judges it.
package struct Principal: Sendable, Equatable {
    package var role: Role
    package var person: PersonID?
    /// The owner that a person acts for.
    package var owner: OwnerID?
    package var device: DeviceID?

    package init(role: Role, person: PersonID? = nil, owner: OwnerID? = nil, device: DeviceID? = nil) {
        self.role = role
        self.person = person
        self.owner = owner
        self.device = device
    }

    package static let system = Principal(role: .system)
    package static func device(_ id: DeviceID) -> Principal { Principal(role: .device, device: id) }
}

/// What an action exercises, seen from the people's side.
package enum Permission: String, Codable, Sendable, CaseIterable {
    case readFleet, readLedger, readOwnDevices
    case administer, publish, manufacture, ship, respond, retire
    case pair, own
    /// What only a device does for itself.
    case beDevice
}

/// Who may do what: role against permission, in one table. The stage's rights come on top of it.
package enum Access {
    package static let table: [Role: Set<Permission>] = [
        .makerAdmin: [
            .readFleet, .readLedger, .administer, .publish, .manufacture, .ship, .respond, .retire,
        ],
        .station: [.manufacture, .ship],
        .owner: [.readOwnDevices, .pair, .own],
        .support: [.readFleet, .readLedger],
        .auditor: [.readFleet, .readLedger],
        .device: [.beDevice],
        .system: Set(Permission.allCases),
    ]

    package static func allows(_ permission: Permission, _ principal: Principal) -> Bool {
        table[principal.role]?.contains(permission) ?? false
    }

    /// Refuses by name: which role, which permission, who has it.
    package static func demand(_ permission: Permission, of principal: Principal) throws(Refusal) {
        guard allows(permission, principal) else {
            let holders = Role.allCases.filter { $0 != .system && table[$0]?.contains(permission) == true }
            throw Refusal(
                .forbidden, "The role \(principal.role.rawValue) does not include \"\(permission.rawValue)\".",
                hint: "Ask somebody with the role \(holders.map(\.rawValue).joined(separator: " or ")).",
                rule: "role \(principal.role.rawValue): \(permission.rawValue)")
        }
    }

    /// The device's tenure belongs to the owner that asks.
    package static func demandOwner(of device: Device, _ principal: Principal) throws(Refusal) {
        if principal.role == .system { return }
        guard let owner = principal.owner, device.owner == owner else {
            throw Refusal(
                .forbidden, "The device does not belong to you.",
                hint: "Ask its owner, or offer and accept a transfer first.", rule: "tenure: owner only")
        }
    }
}
