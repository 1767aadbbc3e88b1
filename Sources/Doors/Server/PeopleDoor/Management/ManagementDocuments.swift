import Passport
import Registry
import Use
import Wire

/// JSON of hawkBit's management API, as far as scripts read it. Instants are milliseconds since 1970.
enum ManagementDocument {
    struct Link: Encodable, Sendable {
        var href: String
        var name: String?
    }

    /// A page of a list.
    struct Page<Item: Encodable & Sendable>: Encodable, Sendable {
        var content: [Item]
        var total: Int
        /// Of this page.
        var size: Int

        init(_ content: [Item], of total: Int) {
            (self.content, self.total, size) = (content, total, content.count)
        }
    }

    struct Failure: Encodable, Sendable {
        var exceptionClass: String
        var errorCode: String
        var message: String
        /// The rule that refused, where it has a name.
        var parameters: [String: String]?
    }

    struct Target: Encodable, Sendable {
        /// "unknown", "registered", "pending", "in_sync" or "error".
        var updateStatus: String
        var controllerId: String
        var name: String
        var requestAttributes: Bool
        var lastControllerRequestAt: Int64?
        var installedAt: Int64?
        /// In the answer to its making only.
        var securityToken: String?
        var _links: [String: Link]
    }

    struct Module: Encodable, Sendable {
        var id: Int64
        var name: String
        var version: String
        var type: String
        var createdAt: Int64
        var deleted = false
        var complete: Bool
        var _links: [String: Link]
    }

    struct Artifact: Encodable, Sendable {
        struct Hashes: Encodable, Sendable { var sha1, md5, sha256: Digest? }
        var id: Int64
        var providedFilename: String
        var hashes: Hashes
        var size: Int
        var _links: [String: Link]
    }

    struct DistributionSet: Encodable, Sendable {
        var id: Int64
        var name: String
        var version: String
        var type: String
        var createdAt: Int64
        var complete = true
        var deleted = false
        /// False if update metadata names the release no more.
        var valid: Bool
        var modules: [Module]
        var _links: [String: Link]
    }

    struct Assignment: Encodable, Sendable {
        struct Item: Encodable, Sendable {
            var id: Int64
            var _links: [String: Link]
        }
        var assigned: Int
        var alreadyAssigned: Int
        var total: Int
        var assignedActions: [Item]
    }

    struct Action: Encodable, Sendable {
        var id: Int64
        /// "update", or "cancel" once it is asked to stop.
        var type: String
        /// "pending", "finished" or "canceled".
        var status: String
        /// "running", "wait_for_confirmation", "canceling", "finished", "error" or "canceled".
        var detailStatus: String
        var forceType = "forced"
        var createdAt: Int64
        var lastModifiedAt: Int64
        var _links: [String: Link]
    }

    struct Status: Encodable, Sendable {
        /// Counted from 1 within its action.
        var id: Int
        var type: String
        /// Newest first.
        var messages: [String]
        var reportedAt: Int64
    }

    struct Setting: Encodable, Sendable {
        var value: ManagementValue
        var global = true
    }
}

/// A setting's value.
package enum ManagementValue: Codable, Sendable, Equatable {
    case flag(Bool)
    case text(String)

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else {
            self = .text(try value.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .flag(let flag): try value.encode(flag)
        case .text(let text): try value.encode(text)
        }
    }
}

// What scripts send. Members that are not named here and mean something are refused (`ManagementMessage.refuse`); others are ignored.

/// One of the list at `POST /rest/v1/targets`.
package struct ManagementTarget: Codable, Sendable, Equatable {
    package var controllerId: String
    package var securityToken: String?
}

/// One of the list at `POST /rest/v1/softwaremodules`.
package struct ManagementModule: Codable, Sendable, Equatable {
    package var name: ProductID
    package var version: String
    package var type: String
    package var encrypted: Bool?
}

/// One of the list at `POST /rest/v1/distributionsets`.
package struct ManagementSet: Codable, Sendable, Equatable {
    package struct Part: Codable, Sendable, Equatable { package var id: Int64 }
    package var version: String
    package var modules: [Part]?
    package var requiredMigrationStep: Bool?
}

/// One of the list at `POST /rest/v1/distributionsets/{set}/assignedTargets`.
package struct ManagementAssignment: Codable, Sendable, Equatable {
    package struct Window: Codable, Sendable, Equatable { package var schedule: String? }
    package var id: String
    package var type: String?
    package var weight: Int?
    package var confirmationRequired: Bool?
    package var maintenanceWindow: Window?
}

/// The body of `PUT /rest/v1/system/configs/{key}`.
package struct ManagementSetting: Codable, Sendable, Equatable {
    package var value: ManagementValue
}
