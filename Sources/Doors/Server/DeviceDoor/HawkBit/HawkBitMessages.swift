import Use
import Wire

// What clients of hawkBit's Direct Device Integration send. Members that are not named here are ignored: clients send an
// "id" as a number or a text, a "time" that is no ISO 8601, a progress, and a status with their attributes.

/// The body of `…/deploymentBase/{action}/feedback` and `…/cancelAction/{action}/feedback`.
package struct HawkBitFeedback: Codable, Sendable, Equatable {
    package enum Execution: String, Codable, Sendable, CaseIterable {
        case closed, proceeding, canceled, scheduled, rejected, resumed, downloaded, download
    }
    package enum Finished: String, Codable, Sendable, CaseIterable { case success, failure, none }
    package struct Result: Codable, Sendable, Equatable { package var finished: Finished }

    package struct Status: Codable, Sendable, Equatable {
        package var execution: Execution
        package var result: Result
        package var code: Int?
        package var details: [String]?
    }
    package var status: Status

    /// SWUpdate sends up to 48 lines of its log at once.
    package static let maximumBytes = 128 * 1024

    /// What it means to a deployment: nothing but "closed" ends one, and with anything but a failure it is installed.
    package var deployment: ReportDeployment.Step {
        guard status.execution == .closed else { return .underWay }
        return status.result.finished == .failure ? .failed : .installed
    }

    /// What it means to a cancellation: "canceled" and "closed" agree, "rejected" and a failure do not.
    package var cancellation: ReportCancellation.Step {
        switch status.execution {
        case .canceled: .stopped
        case .closed: status.result.finished == .failure ? .goesOn : .stopped
        case .rejected: .goesOn
        default: .underWay
        }
    }

    package var messages: [String] {
        let code = status.code.map { ["code \($0)"] } ?? []
        return code + (status.details ?? [])
    }
}

/// The body of `…/configData`.
package struct HawkBitAttributes: Codable, Sendable, Equatable {
    package var mode: KeepAttributes.Mode?
    package var data: [String: String]
    package static let maximumBytes = 64 * 1024
}

/// The body of `…/confirmationBase/{action}/feedback`.
package struct HawkBitConfirmation: Codable, Sendable, Equatable {
    package enum Answer: String, Codable, Sendable, CaseIterable { case confirmed, denied }
    package var confirmation: Answer
    package var code: Int?
    package var details: [String]?
    package static let maximumBytes = 64 * 1024

    package var messages: [String] { (code.map { ["code \($0)"] } ?? []) + (details ?? []) }
}

/// The body of `…/confirmationBase/activateAutoConfirm`, which may be missing.
package struct HawkBitAutoConfirm: Codable, Sendable, Equatable {
    package var initiator: String?
    package var remark: String?
    package static let maximumBytes = 8 * 1024
}

/// The body of `PUT …/installedBase`: what the device says it runs.
package struct HawkBitInstalled: Codable, Sendable, Equatable {
    package var name: String
    package var version: String
    package static let maximumBytes = 8 * 1024
}
