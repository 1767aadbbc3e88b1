import Registry
import Use
import Wire

// What clients of hawkBit's Direct Device Integration are told.

struct HawkBitLink: Encodable, Sendable {
    var href: String
}

/// The answer to a poll: what there is to do, as links.
struct HawkBitPoll: Encodable, Sendable {
    struct Configuration: Encodable, Sendable {
        struct Polling: Encodable, Sendable {
            /// "HH:MM:SS".
            var sleep: String
        }
        var polling: Polling
    }
    struct Links: Encodable, Sendable {
        var deploymentBase, cancelAction, confirmationBase, installedBase, configData: HawkBitLink?
    }
    var config: Configuration
    var _links: Links

    static func sleep(_ seconds: Int) -> String {
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let seconds = max(1, min(seconds, 86_399))
        return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }
}

/// How a client is to take an update, and the files of it.
package struct HawkBitDeployment: Encodable, Sendable {
    struct Chunk: Encodable, Sendable {
        /// "os" or "bApp": SWUpdate and RAUC take either, Zephyr takes what it boots as "bApp" only.
        var part: String
        var version: String
        var name: String
        var artifacts: [Artifact]
    }
    struct Artifact: Encodable, Sendable {
        struct Hashes: Encodable, Sendable { var sha1, md5, sha256: Digest }
        /// Some clients look for the file under the names that hawkBit gives to plain HTTP. Where they lead is this plane all the
        /// same, and nothing is given away over plain HTTP.
        struct Links: Encodable, Sendable {
            var file, sum: HawkBitLink
            enum Names: String, CodingKey {
                case download, md5sum
                case plainDownload = "download-http"
                case plainSum = "md5sum-http"
            }

            func encode(to encoder: any Encoder) throws {
                var links = encoder.container(keyedBy: Names.self)
                for name in [Names.download, .plainDownload] { try links.encode(file, forKey: name) }
                for name in [Names.md5sum, .plainSum] { try links.encode(sum, forKey: name) }
            }
        }
        var filename: String
        var hashes: Hashes
        var size: Int
        var _links: Links

        init(_ file: Deployment.ReleaseFile, below base: String) {
            let path = "\(base)/softwaremodules/\(file.sequence)/artifacts/\(file.name)"
            filename = file.name
            hashes = Hashes(sha1: file.form.sha1, md5: file.form.md5, sha256: file.sha256)
            size = file.size
            _links = Links(file: HawkBitLink(href: path), sum: HawkBitLink(href: path + ".MD5SUM"))
        }
    }
    /// Always "forced": what a client must not begin yet it is not told of, because some say of what they skip that it is done. So
    /// there is no "maintenanceWindow" either.
    private static let forced = "forced"
    var download = Self.forced
    var update = Self.forced
    var chunks: [Chunk]

    package init(_ deployment: Deployment, below base: String) {
        let file = deployment.release
        chunks = [
            Chunk(
                part: file.form.suffix == ".bin" ? "bApp" : "os", version: file.version, name: file.product.text,
                artifacts: [Artifact(file, below: base)])
        ]
    }
}

/// What was said of an action so far.
struct HawkBitHistory: Encodable, Sendable {
    var status: String
    var messages: [String]

    /// - Parameter limit: as many messages as are asked for; negative: all.
    init?(_ deployment: Deployment, atMost limit: Int?) {
        guard let limit, limit != 0 else { return nil }
        status =
            switch deployment.state {
            case .waiting: "WAIT_FOR_CONFIRMATION"
            case .running: "RUNNING"
            case .cancelling: "CANCELING"
            case .closed: "FINISHED"
            }
        messages = deployment.messages.suffix(limit < 0 ? deployment.messages.count : limit).reversed()
    }
}

struct HawkBitDeploymentAnswer: Encodable, Sendable {
    var id: String
    var deployment: HawkBitDeployment
    var actionHistory: HawkBitHistory?
}

struct HawkBitConfirmationAnswer: Encodable, Sendable {
    var id: String
    var confirmation: HawkBitDeployment
    var actionHistory: HawkBitHistory?
}

struct HawkBitCancelAnswer: Encodable, Sendable {
    struct Stop: Encodable, Sendable { var stopId: String }
    var id: String
    var cancelAction: Stop
}

struct HawkBitConfirmationState: Encodable, Sendable {
    struct Auto: Encodable, Sendable {
        var active: Bool
        var initiator, remark: String?
        /// Milliseconds since 1970.
        var activatedAt: Int64?
    }
    struct Links: Encodable, Sendable {
        var confirmationBase, activateAutoConfirm, deactivateAutoConfirm: HawkBitLink?
    }
    var autoConfirm: Auto
    var _links: Links
}
