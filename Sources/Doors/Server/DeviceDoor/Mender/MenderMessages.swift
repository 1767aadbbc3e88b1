import Use
import Wire

// What Mender's clients send. Members that are not named here are ignored.

/// A text, number or truth, or a list of them, as one text: inventories have all of them.
package struct MenderText: Codable, Sendable, Equatable {
    package var text: String

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(Scalar.self) {
            text = one.text
        } else {
            text = try container.decode([Scalar].self).map(\.text).joined(separator: ", ")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    private struct Scalar: Decodable {
        var text: String
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else if let flag = try? container.decode(Bool.self) {
                text = "\(flag)"
            } else if let number = try? container.decode(Int64.self) {
                text = "\(number)"
            } else {
                text = "\(try container.decode(Double.self))"
            }
        }
    }
}

/// The body of `…/authentication/auth_requests`, which the device's key signs.
package struct MenderAuthRequest: Codable, Sendable, Equatable {
    /// JSON in a text: what the device says that it is. Its key says it better.
    package var id_data: String
    package var pubkey: String
    package var tenant_token: String?
    package static let maximumBytes = 16 * 1024
}

/// One attribute of `…/inventory/device/attributes`.
package struct MenderAttribute: Codable, Sendable, Equatable {
    package var name: String
    package var value: MenderText
    package static let maximumBytes = 64 * 1024

    /// By name; of two with one name the last.
    package static func all(_ attributes: [MenderAttribute]) -> [String: String] {
        attributes.reduce(into: [:]) { $0[$1.name] = $1.value.text }
    }
}

/// The body of `POST …/v2/…/next`.
package struct MenderNext: Codable, Sendable, Equatable {
    package var device_provides: [String: MenderText]
    package static let maximumBytes = 64 * 1024
}

/// The body of `…/deployments/{id}/status`.
package struct MenderStatus: Codable, Sendable, Equatable {
    package enum Status: String, Codable, Sendable, CaseIterable {
        case downloading, installing, rebooting, success, failure
        case alreadyInstalled = "already-installed"
        case pauseBeforeInstalling = "pause_before_installing"
        case pauseBeforeRebooting = "pause_before_rebooting"
        case pauseBeforeCommitting = "pause_before_committing"
    }
    package var status: Status
    package var substate: String?
    package static let maximumBytes = 16 * 1024

    package var step: ReportDeployment.Step {
        switch status {
        case .success, .alreadyInstalled: .installed
        case .failure: .failed
        default: .underWay
        }
    }

    package var message: String { status.rawValue + (substate.map { ": \($0)" } ?? "") }
}

/// The body of `…/deployments/{id}/log`.
package struct MenderLog: Codable, Sendable, Equatable {
    package struct Line: Codable, Sendable, Equatable {
        package var level: String?
        package var message: String
    }
    package var messages: [Line]
    /// A client's log of one deployment, at its most talkative.
    package static let maximumBytes = 1 << 20
    private static let grave: Set<String> = ["warning", "error", "fatal", "panic"]

    /// What went wrong, if anything did; else all.
    package var lines: [String] {
        let grave = messages.filter { Self.grave.contains($0.level ?? "") }
        return (grave.isEmpty ? messages : grave).map { "\($0.level ?? "info"): \($0.message)" }
    }
}
